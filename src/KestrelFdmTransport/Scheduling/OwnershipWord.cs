using System;
using System.Diagnostics;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>
/// Says whether a thread is inside a callback, and whether its loop was lost there. Bit 0: inside. Bit 1: lost. The
/// others are the number of the callback.
/// </summary>
/// <remarks>
/// <para>
/// A thread that enters a callback gives its loop up by making the word odd, in a release write. It leaves by making
/// the word even in a compare-and-swap, which fails if another thread has taken the loop by setting bit 1. So exactly
/// one of the two has the loop afterwards, and sees what was written before.
/// </para>
/// <para>
/// Only the own thread changes bit 0 and the number. Others only set bit 1, only of an odd word, and once for each
/// callback. No two callbacks have the same number, so a thread that comes late takes nothing.
/// </para>
/// </remarks>
internal sealed class OwnershipWord
{
    private const long Inside = 1;
    private const long Lost = 2;
    private const long NextCallback = 4;

    [ThreadStatic]
    private static OwnershipWord? t_ofTransportThread;

    private long _value;

    /// <summary>The word of the calling thread, if that is one of the transport's.</summary>
    internal static OwnershipWord? OfTransportThread
    {
        set => t_ofTransportThread = value;
    }

    /// <summary>True unless the calling thread is one of the transport's and in no callback.</summary>
    internal static bool RunsUserCode => t_ofTransportThread is not { IsInside: false };

    /// <summary>Any thread.</summary>
    internal long Value => Volatile.Read(ref _value);

    /// <summary>True while the thread is inside a callback. Own thread only.</summary>
    internal bool IsInside => Encloses(_value);

    /// <summary>True while the thread is inside a callback and has not lost its loop.</summary>
    internal bool HoldsLoop => (Value & (Inside | Lost)) == Inside;

    /// <summary>True for a value of a thread that is inside a callback.</summary>
    internal static bool Encloses(long value) => (value & Inside) != 0;

    /// <summary>True for a value of a thread that has lost its loop in the callback.</summary>
    internal static bool HasLostLoop(long value) => (value & Lost) != 0;

    /// <summary>Begins a callback. Own thread only.</summary>
    internal void Enter()
    {
        Debug.Assert(!IsInside, "A thread is inside one callback at a time.");
        Volatile.Write(ref _value, _value + Inside);
    }

    /// <summary>Ends the callback. Own thread only.</summary>
    /// <returns>False if another thread has taken the loop.</returns>
    internal bool TryLeave()
    {
        long inside = Value & ~Lost;
        long outside = inside - Inside + NextCallback;
        Debug.Assert(Encloses(inside), "A callback that ends has begun.");
        long found = Interlocked.CompareExchange(ref _value, outside, inside);
        if (found == inside)
        {
            return true;
        }

        Debug.Assert(found == (inside | Lost), "Others only take the loop.");
        Volatile.Write(ref _value, outside);
        return false;
    }

    /// <summary>Takes the loop of the callback with this value of the word. Any thread; one succeeds.</summary>
    internal bool TryTake(long value)
    {
        Debug.Assert(Encloses(value) && !HasLostLoop(value), "There is no loop to take.");
        return Interlocked.CompareExchange(ref _value, value | Lost, value) == value;
    }
}
