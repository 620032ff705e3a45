using System;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.TransportComparison.Loads;

/// <summary>One client of <see cref="EpollLoad"/>.</summary>
internal sealed class LoadConnection(LoadGroup group, int index)
{
    /// <summary>Among all of a run.</summary>
    internal int Index { get; } = index;

    internal LoadGroup Group { get; } = group;

    /// <summary>-1 between two connections.</summary>
    internal int Descriptor { get; set; } = -1;

    internal bool Connecting { get; set; }

    internal ResponseReader Reader { get; set; } = new();

    /// <summary>What is being sent or was sent last.</summary>
    internal byte[] Sending { get; set; } = [];

    internal int Sent { get; set; }

    internal long SentAt { get; set; }

    /// <summary>How the server worked then; see <see cref="AlternatingRun"/>.</summary>
    internal Interval? Spell { get; set; }

    /// <summary>Requests without answer.</summary>
    internal int Waiting { get; set; }

    internal bool Slow { get; set; }

    /// <summary>Sends what is left, as far as the socket takes it.</summary>
    internal void Send()
    {
        while (Sent < Sending.Length)
        {
            int result = Sys.Send(Descriptor, Sending.AsSpan(Sent));
            if (result == -Errno.EAGAIN)
            {
                return;
            }

            Syscall.Check(result, "send");
            Sent += result;
        }
    }
}
