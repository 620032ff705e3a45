using System;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// Lets one thread at a time make system calls for sending, and none once it is shut. Try-only: a sender never blocks
/// or spins on it. A refused sender leaves <i>pending</i>, which the holder finds atomically with its release.
/// </summary>
/// <remarks>
/// Descriptor invariant: the closer shuts the gate before it closes the number. <see cref="TryShut"/> succeeds only if
/// no thread is inside and no pin is left; otherwise the last one to leave asks the closer again. So inside the gate
/// the number is ours.
/// </remarks>
[StructLayout(LayoutKind.Auto)]
internal struct SendGate
{
    private const int Held = 1;
    private const int Pending = 2;
    private const int Shut = 4;
    private const int Reset = 8;
    private const int Finish = 16;
    private const int Pin = 32;
    private const int PendingMask = Pending | Reset | Finish;

    private int _word;

#if DEBUG
    private int _holder;
#endif

    internal enum Entry
    {
        /// <summary>The caller holds the gate.</summary>
        Entered,

        /// <summary>Another thread holds the gate and will do the caller's work.</summary>
        Busy,

        /// <summary>The descriptor is closed or about to be.</summary>
        Shut,
    }

    /// <summary>
    /// True once the closer has come. A thread inside may still leave, and none enters any more. Any thread.
    /// </summary>
    internal readonly bool IsShut => (Volatile.Read(in _word) & Shut) != 0;

    internal Entry TryEnter()
    {
        int word = Volatile.Read(ref _word);
        while (true)
        {
            if ((word & Shut) != 0)
            {
                return Entry.Shut;
            }

            bool busy = (word & Held) != 0;
            int seen = Interlocked.CompareExchange(ref _word, word | (busy ? Pending : Held), word);
            if (seen == word)
            {
                if (!busy)
                {
                    SetHolder(Environment.CurrentManagedThreadId);
                }

                return busy ? Entry.Busy : Entry.Entered;
            }

            word = seen;
        }
    }

    /// <summary>Requests a reset or a FIN from the next gate holder. Enter the gate afterwards.</summary>
    internal void Request(bool reset) => Interlocked.Or(ref _word, reset ? Reset : Finish);

    /// <summary>Checks that the calling thread is inside.</summary>
    [Conditional("DEBUG")]
    [SuppressMessage("Performance", "CA1822", Justification = "It uses the holder in debug builds.")]
    internal readonly void AssertHeld()
    {
#if DEBUG
        Debug.Assert(_holder == Environment.CurrentManagedThreadId, "Another thread is inside the send gate, or none.");
#endif
    }

    /// <summary>Takes what has been asked for so far.</summary>
    internal void TakePending(out bool reset, out bool finish)
    {
        AssertHeld();
        int word = Volatile.Read(ref _word);
        if ((word & PendingMask) != 0)
        {
            word = Interlocked.And(ref _word, ~PendingMask);
        }

        reset = (word & Reset) != 0;
        finish = (word & Finish) != 0;
    }

    /// <summary>Leaves, unless something is pending. A full fence.</summary>
    /// <param name="pin">Keep the connection from ending until <see cref="Unpin"/>.</param>
    /// <param name="shut">
    /// The closer came meanwhile and must be asked again; with a pin, <see cref="Unpin"/> returns that.
    /// </param>
    internal bool TryLeave(bool pin, out bool shut)
    {
        AssertHeld();
        int word = Volatile.Read(ref _word);
        while (true)
        {
            if ((word & PendingMask) != 0)
            {
                shut = false;
                return false;
            }

            int next = (word & ~Held) + (pin ? Pin : 0);
            SetHolder(0);
            int seen = Interlocked.CompareExchange(ref _word, next, word);
            if (seen == word)
            {
                shut = next == Shut;
                return true;
            }

            SetHolder(Environment.CurrentManagedThreadId);

            word = seen;
        }
    }

    /// <summary>
    /// Keeps the connection from ending until <see cref="Unpin"/>. False once the closer has shut the gate and no
    /// thread is inside.
    /// </summary>
    internal bool TryPin()
    {
        int word = Volatile.Read(ref _word);
        while ((word & ~PendingMask) != Shut)
        {
            int seen = Interlocked.CompareExchange(ref _word, word + Pin, word);
            if (seen == word)
            {
                return true;
            }

            word = seen;
        }

        return false;
    }

    /// <summary>True if the closer came meanwhile and must be asked again.</summary>
    internal bool Unpin() => (Interlocked.Add(ref _word, -Pin) & ~PendingMask) == Shut;

    /// <summary>
    /// Closer: true once no thread is inside and none can enter. Otherwise the last one to leave asks again.
    /// </summary>
    internal bool TryShut() => (Interlocked.Or(ref _word, Shut) & ~(Shut | PendingMask)) == 0;

    [Conditional("DEBUG")]
    [SuppressMessage("Performance", "CA1822", Justification = "It uses the holder in debug builds.")]
    private void SetHolder(int threadId)
    {
#if DEBUG
        _holder = threadId;
#endif
    }
}
