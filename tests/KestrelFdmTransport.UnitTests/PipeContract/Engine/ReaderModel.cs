using System;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>The part of a pipe's state that determines which operations are defined in it.</summary>
internal sealed class ReaderModel(int pauseThreshold)
{
    private int _minimum;
    private bool _pendingHasToken;
    private bool _examinedMovedBack;

    // AdvanceTo is allowed although no result waits for it: after a cancelled read and after TryRead returned false.
    private bool _tentative;

    public long Fed { get; private set; }

    public long Consumed { get; private set; }

    public long Examined { get; private set; }

    /// <summary>Can go up again: an <c>AdvanceTo</c> may examine less than the one before it.</summary>
    public long Unexamined => Fed - Examined;

    /// <summary>What the latest result has on both sides, hence the offsets that may be used.</summary>
    public long Length { get; private set; }

    public bool HasPositions { get; private set; }

    /// <summary>The latest <c>AdvanceTo</c> moved nothing, so its positions are still good.</summary>
    public bool CanAdvanceAgain { get; private set; }

    /// <summary>A result has been returned and waits for <c>AdvanceTo</c>; not so for a cancelled one.</summary>
    public bool Reading { get; private set; }

    /// <summary>The next read completes at once. Not the same as having unexamined bytes.</summary>
    public bool Ready { get; private set; }

    public bool Stranded => !Ready && Unexamined > 0;

    /// <summary>While a read is pending, <c>AdvanceTo</c> is only defined where it throws.</summary>
    public bool CanAdvanceToDefault => !Pending || !_tentative || Completed;

    public bool Pending { get; private set; }

    public bool CancelRequested { get; private set; }

    public bool Completed { get; private set; }

    public bool Ended { get; private set; }

    public bool EndedWithError { get; private set; }

    /// <summary>An inexact subject may have stopped taking bytes in, so that it shows fewer than were fed.</summary>
    public bool MayHoldBack { get; private set; }

    /// <summary>
    /// The most unexamined bytes that a subject may show, slack aside; null if the past allows any number.
    /// </summary>
    public long? ReadAheadLimit => _examinedMovedBack ? null : Math.Max(pauseThreshold, LargestMinimum);

    /// <summary>The most that a <c>ReadAtLeastAsync</c> has asked for.</summary>
    public int LargestMinimum { get; private set; }

    /// <summary>Where the next buffer begins; null if its memory may be gone.</summary>
    public long? BufferPosition => Completed ? null : Consumed;

    /// <summary>The fewest unexamined bytes that complete the present read.</summary>
    public int Minimum => Math.Max(1, _minimum);

    public void OnFeed(int count)
    {
        if (Completed)
        {
            return;
        }

        Fed += count;
        Ready |= Unexamined >= _minimum;
        MayHoldBack |= Unexamined >= pauseThreshold;
    }

    public void OnEnd(bool withError)
    {
        Ended = true;
        EndedWithError = withError;
        Ready = true;
    }

    public void OnReadAtLeast(int minimum) => LargestMinimum = Math.Max(LargestMinimum, minimum);

    public void OnPending(int? minimum, TokenChoice token)
    {
        if (Ready)
        {
            // ReadAtLeastAsync began to read, found too little, and ended that read again.
            _tentative = false;
        }

        Pending = true;
        Ready = false;
        HasPositions = false;
        _minimum = minimum ?? _minimum;
        _pendingHasToken = token == TokenChoice.Fresh;
        CanAdvanceAgain = false;
    }

    public void OnResult(bool isCanceled, long length)
    {
        Pending = false;
        Reading |= !isCanceled;
        _tentative |= isCanceled;
        CancelRequested = false;
        CanAdvanceAgain = false;
        _minimum = 0;
        Length = length;
        HasPositions = true;
    }

    /// <summary><c>TryRead</c> returned false.</summary>
    public void OnNoResult()
    {
        _tentative = true;
        HasPositions = false;
        CanAdvanceAgain = false;
    }

    /// <summary>The call itself threw.</summary>
    public void OnRefused()
    {
        if (Reading && !Completed && !EndedWithError)
        {
            // "Reading is already in progress." comes after the cancellation has been taken.
            CancelRequested = false;
        }
    }

    /// <summary>The pending read threw: its token was cancelled, or the input ended with an error.</summary>
    public void OnPendingFailed()
    {
        Pending = false;
        CanAdvanceAgain = false;
        if (!EndedWithError)
        {
            CancelRequested = false;
            _minimum = 0;
            _tentative = true;
        }
    }

    public void OnAdvance(long consumed, long examined)
    {
        _examinedMovedBack |= Consumed + examined < Examined;
        CanAdvanceAgain = examined == 0 && Length > 0;
        Examined = Consumed + examined;
        Consumed += consumed;
        Reading = false;
        _tentative = false;
        HasPositions = false;
        if (Unexamined == 0 && !Ended)
        {
            Ready = false;
        }

        MayHoldBack &= Unexamined >= pauseThreshold / 2;
    }

    /// <summary><c>AdvanceTo(default)</c> ends a read and moves nothing.</summary>
    public void OnAdvanceToDefault()
    {
        Reading = false;
        _tentative = false;
        HasPositions = false;
        CanAdvanceAgain = false;
    }

    public void OnCancel() => CancelRequested = true;

    public void OnTokenCancelled() => CancelRequested |= Pending && _pendingHasToken;

    public void OnComplete()
    {
        Completed = true;
        Reading = false;
    }
}
