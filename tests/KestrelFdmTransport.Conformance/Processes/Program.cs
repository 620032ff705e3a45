using System;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Processes;

/// <summary>The test assembly as a program of its own, for cases that need a process to themselves.</summary>
internal static class Program
{
    public static Task<int> Main(string[] arguments) => arguments switch
    {
        ["serve", .. string[] rest] => ServingChild.RunAsync(rest),
        ["reload", .. string[] rest] => ReloadingChild.RunAsync(rest),
        _ => throw new ArgumentException("This program is a child of the tests.", nameof(arguments)),
    };
}
