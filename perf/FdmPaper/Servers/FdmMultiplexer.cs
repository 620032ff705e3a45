using System;
using KestrelFdmTransport.FdmPaper.Fdm;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>
/// FDM as its authors' test server drives it: it never blocks in <c>poll()</c>, and naps when nothing comes.
/// </summary>
internal sealed class FdmMultiplexer(int sleepThreshold) : IMultiplexer
{
    private const uint NapMicroseconds = 500;

    private readonly FdmSets _sets = new(new SystemPoll(), static () => Environment.TickCount64);
    private readonly FdmEvent[] _events = new FdmEvent[512];
    private int _empty;

    public void Add(int descriptor, bool isListener)
        => _sets.Register(descriptor, PollFlags.In, payload: null, locked: isListener);

    public void Remove(int descriptor) => _sets.Unregister(descriptor);

    public int Wait(Span<int> ready)
    {
        while (true)
        {
            int count = _sets.Wait(_events.AsSpan(0, Math.Min(_events.Length, ready.Length)), 0);
            if (count > 0)
            {
                _empty = 0;
                for (int i = 0; i < count; i++)
                {
                    ready[i] = _events[i].Descriptor;
                }

                return count;
            }

            if (++_empty >= sleepThreshold)
            {
                Sys.Sleep(NapMicroseconds);
            }
        }
    }
}
