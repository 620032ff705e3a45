// Asks every route of a running samples/HelloFdm and compares the bytes of the answers: Checks URL [UNIX-SOCKET]. Exits
// with the number of checks that failed.

using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Checks;

var limit = TimeSpan.FromMinutes(2);
int failed = 0;
using var sample = new Sample(new Uri(args[0]), args.Length > 1 ? args[1] : null);
foreach ((string name, Func<CancellationToken, Task> check) in sample.Checks())
{
    long started = Stopwatch.GetTimestamp();
    try
    {
        using var source = new CancellationTokenSource(limit);
        await check(source.Token).WaitAsync(limit);
        Console.WriteLine($"ok      {name} ({Stopwatch.GetElapsedTime(started).TotalSeconds:0.00} s)");
    }
    catch (Exception exception)
    {
        // Any exception fails this check only; the others still run.
        failed++;
        Console.WriteLine($"FAILED  {name}: {exception.Message}");
    }
}

return failed;
