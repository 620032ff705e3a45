using System.Globalization;
using System.IO;

namespace KestrelFdmTransport.FdmPaper.Client;

/// <summary>What the kernel's scheduler says of a thread.</summary>
internal static class SchedulerStatistics
{
    /// <summary>
    /// How long the thread was ready to run and had no CPU, in nanoseconds; 0 where the kernel does not count it.
    /// </summary>
    /// <param name="thread">Its folder below <c>/proc</c>.</param>
    internal static long WaitedTime(string thread)
    {
        try
        {
            string[] fields = File.ReadAllText(Path.Combine(thread, "schedstat")).Split(' ');
            return long.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            // The thread has ended, or the kernel is built without it.
            return 0;
        }
    }
}
