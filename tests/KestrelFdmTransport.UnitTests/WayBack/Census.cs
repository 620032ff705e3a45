using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.IO;
using System.Linq;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>
/// What the process holds: descriptors and threads as the kernel sees them, the transport's instruments, and the lowest
/// number that no transport has.
/// </summary>
internal sealed record Census(int Sockets, int Epolls, int Eventfds, int Threads, int Instruments, int Number)
{
    public static Census Take()
    {
        using var number = new TransportNumber();
        List<string> descriptors = Descriptors();
        return new Census(
            descriptors.Count(static target => target.StartsWith("socket:", StringComparison.Ordinal)),
            descriptors.Count(static target => target.Contains("eventpoll", StringComparison.Ordinal)),
            descriptors.Count(static target => target.Contains("eventfd", StringComparison.Ordinal)),
            ProcessState.Threads("fdm-").Count(
                static name => !name.StartsWith("fdm-monitor", StringComparison.Ordinal)),
            CountInstruments(),
            number.Value);
    }

    /// <summary>True if the process holds no more than it did.</summary>
    public bool IsWithin(Census before)
        => Sockets <= before.Sockets
            && Epolls <= before.Epolls
            && Eventfds <= before.Eventfds
            && Threads <= before.Threads
            && Instruments <= before.Instruments
            && Number <= before.Number;

    private static int CountInstruments()
    {
        int count = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
            count += instrument.Meter.Name is FdmTransportDiagnostics.MeterName ? 1 : 0;
        listener.Start();
        return count;
    }

    private static List<string> Descriptors()
    {
        List<string> targets = [];
        foreach (string descriptor in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            if (new FileInfo(descriptor).LinkTarget is { } target)
            {
                targets.Add(target);
            }
        }

        return targets;
    }
}
