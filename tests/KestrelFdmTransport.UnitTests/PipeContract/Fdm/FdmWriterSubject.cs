using System;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>The transport's writer, whose bytes end in a socket.</summary>
internal sealed class FdmWriterSubject : IWriterSubject
{
    private readonly FdmLink _link;

    public FdmWriterSubject(int pauseThreshold, bool takesTurns = false)
    {
        _link = new FdmLink(pauseThreshold, runsInline: false);
        Writer = takesTurns ? new TurnTakingWriter(_link.Io.Writer) : _link.Io.Writer;
    }

    public PipeWriter Writer { get; }

    public bool ExactBackPressure => false;

    public int Slack => FdmLink.Slack;

    public bool SinkSeesEnd => true;

    public bool EndsWithTheWriter => true;

    public TimeSpan Patience => FdmLink.Patience;

    public int Drain(Span<byte> destination)
    {
        long started = Stopwatch.GetTimestamp();
        var spin = default(SpinWait);
        int total = 0;
        while (total < destination.Length && Stopwatch.GetElapsedTime(started) < Patience)
        {
            int received = Sys.Receive(_link.Peer, destination[total..]);
            if (received == 0 || (received < 0 && received != -Errno.EAGAIN))
            {
                break;
            }

            if (received > 0)
            {
                total += received;
            }
            else
            {
                spin.SpinOnce(sleep1Threshold: 100);
            }
        }

        return total;
    }

    public void EndOfOutput(Exception? error) => _link.Io.Writer.CompleteConsumer(error);

    public async ValueTask DisposeAsync() => await _link.DisposeAsync();
}
