using System;
using System.IO.Pipelines;
using System.Threading.Tasks;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>The transport's reader, fed through a socket.</summary>
internal sealed class FdmReaderSubject : IReaderSubject
{
    private readonly FdmLink _link;
    private byte[] _unsent = [];
    private long _fed;
    private bool _ending;
    private bool _finSent;

    public FdmReaderSubject(int pauseThreshold, bool runsInline, bool takesTurns = false)
    {
        _link = new FdmLink(pauseThreshold, runsInline);
        Reader = takesTurns ? new TurnTakingReader(_link.Io.Reader) : _link.Io.Reader;
    }

    public PipeReader Reader { get; }

    public bool ExactBackPressure => false;

    /// <summary>The pause is looked at after each block.</summary>
    public int ReadAheadSlack => FixedBlockPool.BlockSize;

    public PipeQuirks Quirks => PipeQuirks.RefusedReadUsesUpCancellation | PipeQuirks.TakesTurns;

    public bool EndsWithTheReader => true;

    public TimeSpan Patience => FdmLink.Patience;

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        if (_link.Io.Reader.IsCompleted)
        {
            // Refused. Like Sockets, the transport would take unwanted bytes for the moment to end the input.
            return;
        }

        _unsent = [.. _unsent, .. bytes];
        _fed += bytes.Length;
        Settle();
    }

    public void Settle() => FdmLink.WaitUntil(() =>
    {
        Push();
        return _link.Io.Reader.IsCompleted
            || _link.Io.Reader.HasEnded
            || _link.Io.Reader.IsPaused
            || (_link.Io.Reader.Received == _fed && !_ending);
    });

    public void EndOfInput(Exception? error)
    {
        if (error is not null)
        {
            _link.Io.Abort(error);
            FdmLink.WaitUntil(() => _link.Io.Reader.HasEnded);
            return;
        }

        _ending = true;
        Settle();
    }

    public async ValueTask DisposeAsync() => await _link.DisposeAsync();

    private void Push()
    {
        while (_unsent.Length > 0)
        {
            int sent = Sys.Send(_link.Peer, _unsent);
            if (sent <= 0)
            {
                return;
            }

            _unsent = _unsent[sent..];
        }

        if (_ending && !_finSent)
        {
            _finSent = true;
            Sys.Shutdown(_link.Peer);
        }
    }
}
