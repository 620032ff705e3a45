// Loads that run for as long as one likes and check everything meanwhile. Each command exits with 0 only if nothing
// went wrong.
using System.CommandLine;
using KestrelFdmTransport.Stress.Handoffs;
using KestrelFdmTransport.Stress.Soak;

var root = new RootCommand("Loads the transport and checks that nothing gets lost.");
root.Subcommands.Add(new HandoffCommand());
root.Subcommands.Add(new SoakCommand());
return await root.Parse(args).InvokeAsync();
