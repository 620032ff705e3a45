using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// Detects a connection that flushes again and again on other threads, as an HTTP/2 connection does for its streams. It
/// gains from one send for several flushes. A connection that answers a request with one flush must not wait.
/// </summary>
/// <remarks>One flush at a time (the pipe contract), so this needs no order.</remarks>
[StructLayout(LayoutKind.Auto)]
internal struct FlushBurstDetector
{
    private const byte MaxScore = 16;
    private const byte BurstScore = 4;
    private const byte ScoreStep = 2;

    /// <summary>In microseconds.</summary>
    private const uint MaxGapMicroseconds = 100;

    private static readonly long s_unit = Stopwatch.Frequency / 1_000_000;

    // The low bits are enough, and there is one of these in every connection: a wrong guess once an hour costs nothing.
    private uint _last;
    private uint _received;
    private byte _score;

    /// <summary>Notes a flush.</summary>
    /// <param name="received">Bytes received so far: a flush with none since the last one answers nothing new.</param>
    /// <returns>True if another flush will probably follow at once.</returns>
    internal bool Add(long now, long received)
    {
        uint then = (uint)(now / s_unit);
        bool again = then - _last < MaxGapMicroseconds && (uint)received == _received;
        _last = then;
        _received = (uint)received;
        if (again)
        {
            _score = (byte)Math.Min(MaxScore, _score + ScoreStep);
        }
        else if (_score > 0)
        {
            _score--;
        }

        return _score >= BurstScore;
    }
}
