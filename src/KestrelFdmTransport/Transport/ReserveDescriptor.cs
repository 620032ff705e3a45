using System;
using System.Threading;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Transport;

/// <summary>
/// A descriptor kept back for the day there are none left: it is closed to accept a waiting client, only to close it, and
/// taken again. libuv's trick; without it the clients of a full server wait for their own time-outs.
/// </summary>
internal sealed class ReserveDescriptor : IDisposable
{
    private readonly Lock _lock = new();
    private int _descriptor = Sys.EventDescriptor();

    /// <summary>The listen descriptor must stay open meanwhile.</summary>
    internal unsafe void TurnAway(int listener, int atMost)
    {
        lock (_lock)
        {
            for (int i = 0; i < atMost && _descriptor >= 0; i++)
            {
                Sys.Close(_descriptor);
                int client = Sys.Accept(listener, null, null);
                if (client >= 0)
                {
                    Sys.Close(client);
                }

                // Another thread may have taken the number meanwhile; then there is no reserve until the next time.
                _descriptor = Sys.EventDescriptor();
                if (client < 0)
                {
                    return;
                }
            }

            if (_descriptor < 0)
            {
                _descriptor = Sys.EventDescriptor();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_descriptor >= 0)
            {
                Sys.Close(_descriptor);
            }

            _descriptor = -1;
        }
    }
}
