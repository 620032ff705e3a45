// What the parts cost by themselves, and a proof that a request allocates nothing.
//   dotnet run -c Release --project perf/MicroBenchmarks -- --filter *
//   dotnet run -c Release --project perf/MicroBenchmarks -- --allocations [requests]
using System.Globalization;
using BenchmarkDotNet.Running;
using KestrelFdmTransport.MicroBenchmarks.Allocations;

if (args is ["--allocations", ..])
{
    return await AllocationProof.RunAsync(
        args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1_000_000);
}

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
return 0;
