using System;
using System.Diagnostics;

namespace KestrelFdmTransport.Scheduling;

/// <summary>The recent cost of a connection's callbacks, and whether they block.</summary>
/// <remarks>
/// Written without synchronisation by the thread that has run a callback. A connection has one callback at a time
/// except in rare cases, in which the average loses a sample.
/// </remarks>
internal struct CallbackProfile
{
    /// <summary>Callbacks are offloaded until this many in a row were short.</summary>
    private const byte Probation = 8;

    /// <summary>
    /// The pool costs about four microseconds. At a tenth of a millisecond, 64 callbacks of one iteration already wait
    /// for each other while another CPU may be idle.
    /// </summary>
    private static readonly long s_slowThreshold = Stopwatch.Frequency / 10_000;

    private static readonly long s_fastThreshold = s_slowThreshold / 2;

    /// <summary>One slow callback among many is an accident, so a sample counts at most this.</summary>
    private static readonly long s_sampleCap = s_slowThreshold * 3;

    /// <summary>A callback that takes longer has probably blocked.</summary>
    internal static readonly long Blocked = Stopwatch.Frequency / 1_000;

    private uint _average;
    private byte _probation;
    private bool _blocks;
    private bool _isSlow;
    private bool _isMeasured;

    /// <summary>In ticks. While in doubt, at most the threshold of a fast callback.</summary>
    internal readonly long Average => IsInDoubt ? Math.Min(_average, s_slowThreshold) : _average;

    /// <summary>
    /// True if callbacks seem slow by a clock that also counts time in which their thread stood still. The next ones
    /// are measured exactly.
    /// </summary>
    internal readonly bool IsInDoubt => !_isSlow && _average > s_slowThreshold;

    internal readonly bool Blocks => _probation > 0 && _blocks;

    internal readonly Placement Decide()
        => _probation > 0 ? (_blocks ? Placement.BlockingPool : Placement.Pool)
            : _isSlow ? Placement.Pool
            : Placement.Inline;

    /// <summary>A callback has ended.</summary>
    /// <param name="measured">
    /// True if collections and waits for a CPU are excluded: they do not make a callback slow.
    /// </param>
    internal void Add(long ticks, bool measured)
    {
        if (_probation > 0 && ticks < Blocked)
        {
            _probation--;
        }
        else if (_probation > 0)
        {
            _probation = Probation;
        }

        long counted = Math.Min(ticks, s_sampleCap);
        long average = measured && IsInDoubt && !_isMeasured ? counted : _average + ((counted - _average) / 4);
        _average = (uint)average;
        _isMeasured = measured;
        _isSlow = _isSlow ? average > s_fastThreshold : measured && average > s_slowThreshold;
    }

    /// <summary>A callback has held its loop until the loop was taken over.</summary>
    internal void OnStalled(bool computes)
    {
        _probation = Probation;
        _blocks = !computes;
    }

    /// <summary>A new connection starts with the average of its endpoint.</summary>
    internal static CallbackProfile ForNewConnection(long average, bool blocks)
        => new()
        {
            _average = (uint)average,
            _isSlow = average > s_slowThreshold,
            _probation = blocks ? (byte)1 : (byte)0,
            _blocks = blocks
        };
}
