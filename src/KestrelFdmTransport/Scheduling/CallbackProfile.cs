using System;
using System.Diagnostics;

namespace KestrelFdmTransport.Scheduling;

/// <summary>What a connection's callbacks have cost lately, and whether they block.</summary>
/// <remarks>
/// Written by whichever thread has run a callback, without synchronisation: a connection has one callback at a time
/// save for rare cases, in which an average loses a sample.
/// </remarks>
internal struct CallbackProfile
{
    /// <summary>A callback of this kind is dispatched until so many in a row have behaved.</summary>
    private const byte Probation = 8;

    /// <summary>
    /// Going through the pool costs about four microseconds, and 64 callbacks of a tenth of a millisecond in one turn
    /// already wait for each other while another CPU may idle.
    /// </summary>
    private static readonly long s_slowThreshold = Stopwatch.Frequency / 10_000;

    private static readonly long s_fastThreshold = s_slowThreshold / 2;

    /// <summary>One slow callback in many is an accident; so it counts for no more than this.</summary>
    private static readonly long s_sampleCap = s_slowThreshold * 3;

    /// <summary>A callback that takes longer has probably waited for something.</summary>
    internal static readonly long Blocked = Stopwatch.Frequency / 1_000;

    private uint _average;
    private byte _probation;
    private bool _blocks;
    private bool _isSlow;
    private bool _isMeasured;

    /// <summary>Ticks. As long as it is in doubt, no more than what is cheap.</summary>
    internal readonly long Average => IsInDoubt ? Math.Min(_average, s_slowThreshold) : _average;

    /// <summary>
    /// True if callbacks seem to be dear by a clock that goes on while their thread stands still: the next ones are
    /// measured.
    /// </summary>
    internal readonly bool IsInDoubt => !_isSlow && _average > s_slowThreshold;

    internal readonly bool Blocks => _probation > 0 && _blocks;

    internal readonly Placement Decide()
        => _probation > 0 ? (_blocks ? Placement.BlockingPool : Placement.Pool)
            : _isSlow ? Placement.Pool
            : Placement.Inline;

    /// <summary>A callback has ended.</summary>
    /// <param name="ticks">How long it took.</param>
    /// <param name="measured">True if that is without collections and waits for a CPU: others do not make a callback
    /// dear.</param>
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

    /// <summary>A callback has held its loop until that was taken over.</summary>
    internal void OnStalled(bool computes)
    {
        _probation = Probation;
        _blocks = !computes;
    }

    /// <summary>A new connection is taken for what others of its endpoint have been.</summary>
    internal static CallbackProfile ForNewConnection(long average, bool blocks)
        => new()
        {
            _average = (uint)average,
            _isSlow = average > s_slowThreshold,
            _probation = blocks ? (byte)1 : (byte)0,
            _blocks = blocks
        };
}
