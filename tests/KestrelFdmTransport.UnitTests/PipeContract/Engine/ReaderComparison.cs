using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Does the same to two readers, step by step, and compares what each step lets its caller see. The oracle goes first:
/// what it completes the subject must complete, within its patience; what it leaves pending the subject must leave
/// pending.
/// </summary>
internal sealed class ReaderComparison
{
    /// <summary>
    /// No more than this is fed beyond the pause threshold, so that a feeder with a socket never blocks.
    /// </summary>
    public const int FeedAllowance = 40_000;

    private readonly ComparisonLog _log = new();
    private readonly List<PendingOperation<ReadResult>> _attached = [];
    private readonly ReaderModel _model;
    private readonly ReaderSide _oracle;
    private readonly ReaderSide _subject;
    private readonly int _pauseThreshold;

    private ReaderComparison(ReaderSide oracle, ReaderSide subject, int pauseThreshold)
    {
        _oracle = oracle;
        _subject = subject;
        _pauseThreshold = pauseThreshold;
        _model = new ReaderModel(pauseThreshold);
    }

    public static ComparisonResult Run(
        IReadOnlyList<Step<ReaderAction>> steps, Func<int, IReaderSubject> create, int pauseThreshold) =>
        RunAsync(steps, create, pauseThreshold).GetAwaiter().GetResult();

    private static async Task<ComparisonResult> RunAsync(
        IReadOnlyList<Step<ReaderAction>> steps, Func<int, IReaderSubject> create, int pauseThreshold)
    {
        await using var oracle = new PipeReaderOracle(pauseThreshold);
        await using IReaderSubject subject = create(pauseThreshold);
        using var oracleSide = new ReaderSide(oracle);
        using var subjectSide = new ReaderSide(subject);
        var duel = new ReaderComparison(oracleSide, subjectSide, pauseThreshold);
        duel.Run(steps);
        return duel._log.Result;
    }

    /// <summary>The subject may end the input at any moment from now on, so what is pending may complete.</summary>
    private bool EndsByItself => _model.Completed && _subject.Subject.EndsWithTheReader;

    private bool Exact => _subject.Subject.ExactBackPressure;

    private void Run(IReadOnlyList<Step<ReaderAction>> steps)
    {
        _log.Say($"A pipe that pauses at {_pauseThreshold}.");
        foreach (Step<ReaderAction> step in steps)
        {
            Execute(step);
            if (_log.Difference is not null)
            {
                return;
            }

            _subject.Subject.Settle();
            ObservePending(inPieces: step.Action == ReaderAction.Feed);
            if (_log.Difference is not null)
            {
                return;
            }
        }

        foreach (PendingOperation<ReadResult> read in _attached)
        {
            if (read.Runs > 1)
            {
                _log.Differ($"The continuation of a read ran {read.Runs} times.");
            }
        }
    }

    private void Execute(Step<ReaderAction> step)
    {
        switch (step.Action)
        {
            case ReaderAction.Feed:
                Feed(step.Size);
                break;
            case ReaderAction.Read:
                Read(null, step);
                break;
            case ReaderAction.ReadAtLeast:
                Read(step.Size, step);
                break;
            case ReaderAction.TryRead:
                TryRead();
                break;
            case ReaderAction.Advance:
                Advance(step);
                break;
            case ReaderAction.AdvanceToDefault:
                AdvanceToDefault(step.Other);
                break;
            case ReaderAction.AdvanceBackwards:
                AdvanceBackwards(step);
                break;
            case ReaderAction.AdvanceAgain:
                AdvanceAgain();
                break;
            case ReaderAction.CancelPendingRead:
                _model.OnCancel();
                Both("CancelPendingRead()", static reader => reader.CancelPendingRead());
                break;
            case ReaderAction.CancelToken:
                CancelToken();
                break;
            case ReaderAction.Collect:
                Collect(step.Attach);
                break;
            case ReaderAction.Complete:
                Complete(step.Other);
                break;
            case ReaderAction.EndOfInput:
                EndOfInput(step.Other);
                break;
        }
    }

    private void Feed(int count)
    {
        if (_model.Ended || _model.Unexamined + count > _pauseThreshold + FeedAllowance)
        {
            return;
        }

        _log.Say($"Feed {count} bytes");
        byte[] bytes = BytePattern.Default.Create(count, _model.Fed);
        _model.OnFeed(count);
        _oracle.Subject.Feed(bytes);
        _subject.Subject.Feed(bytes);
    }

    private void Read(int? minimum, Step<ReaderAction> step)
    {
        if (!CanRead(step))
        {
            return;
        }

        string name = minimum is null ? "ReadAsync" : "ReadAtLeastAsync";
        string token = step.Token switch
        {
            TokenChoice.Fresh => "a token",
            TokenChoice.AlreadyCancelled => "a cancelled token",
            _ => "",
        };
        Observation expected = _oracle.Read(minimum, step.Token, _model.BufferPosition);
        Observation actual = _subject.Read(minimum, step.Token, _model.BufferPosition);
        _model.OnReadAtLeast(minimum ?? 0);
        if (_model.MayHoldBack && !Exact && expected.Outcome != Outcome.Pending && actual.Outcome == Outcome.Pending)
        {
            // Delayed input must arrive now, because a read waits for it.
            _subject.Subject.Settle();
            if (_subject.Pending!.Wait(_subject.Subject.Patience))
            {
                actual = _subject.Collect(_model.BufferPosition);
            }
        }

        if (Has(PipeQuirks.TakesTurns) && expected.Outcome != Outcome.Pending && actual.Outcome == Outcome.Pending)
        {
            if (step.Attach)
            {
                _attached.Add(_subject.Pending!);
                _subject.Pending!.Attach();
            }

            if (_subject.Pending!.Wait(_subject.Subject.Patience))
            {
                actual = _subject.Collect(_model.BufferPosition);
            }
        }

        if (Has(PipeQuirks.TakesTurns))
        {
            actual = AsOfTheCall(expected, actual);
        }

        string call = $"{name}({minimum}{(minimum is null || token.Length == 0 ? "" : ", ")}{token})";
        Compare(name, call, expected, actual, minimum ?? 0, inPieces: false);

        switch (expected.Outcome)
        {
            case Outcome.Pending when actual.Outcome == Outcome.Pending:
                _model.OnPending(minimum, step.Token);
                if (step.Attach)
                {
                    Attach();
                }

                break;
            case Outcome.Result:
                _model.OnResult(expected.IsCanceled, Math.Min(_oracle.Length, _subject.Length));
                break;
            case Outcome.Threw:
                _model.OnRefused();
                break;
        }
    }

    /// <summary>What the call itself would have thrown is thrown when its turn comes.</summary>
    private static Observation AsOfTheCall(in Observation expected, in Observation actual) =>
        expected.Outcome == Outcome.Threw && actual.Outcome == Outcome.Faulted
            ? actual with { Outcome = Outcome.Threw }
            : actual;

    private bool CanRead(Step<ReaderAction> step)
    {
        if (_model.Completed)
        {
            return true;
        }

        if (_model.Pending)
        {
            return false;
        }

        if (_model.Reading)
        {
            // Wrong uses are looked at, but not all the time.
            return step.Other % 4 == 0 && _model.Ready && MayRefuseReading;
        }

        return !_model.Stranded || _model.CancelRequested || Has(PipeQuirks.StrandsUnexaminedBytes);
    }

    private bool MayRefuseReading => !_model.CancelRequested || Has(PipeQuirks.RefusedReadUsesUpCancellation);

    private bool Has(PipeQuirks quirk) => (_subject.Subject.Quirks & quirk) == quirk;

    private void TryRead()
    {
        if (!_model.Completed)
        {
            // With bytes or a result there, TryRead would take them from under the pending read.
            bool steals = _model.Pending && (_model.Unexamined > 0 || _oracle.Pending!.IsComplete);
            if (steals || (_model.Reading && !MayRefuseReading))
            {
                return;
            }
        }

        Observation expected = _oracle.TryRead(_model.BufferPosition);
        Observation actual = _subject.TryRead(_model.BufferPosition);
        if (Has(PipeQuirks.TakesTurns) && expected.Outcome != Outcome.NoResult && actual.Outcome == Outcome.NoResult)
        {
            actual = _subject.TryRead(_model.BufferPosition);
        }

        Compare("TryRead", "TryRead()", expected, actual, minimum: 0, inPieces: false);
        switch (expected.Outcome)
        {
            case Outcome.Result:
                _model.OnResult(expected.IsCanceled, Math.Min(_oracle.Length, _subject.Length));
                break;
            case Outcome.NoResult:
                _model.OnNoResult();
                break;
            case Outcome.Threw:
                _model.OnRefused();
                break;
        }
    }

    private void Advance(Step<ReaderAction> step)
    {
        if (!_model.HasPositions || _model.Completed)
        {
            return;
        }

        long length = _model.Length;
        long some = step.Size % (length + 1);
        long more = some + (step.Other % (length - some + 1));
        bool otherForm = (step.Other & 64) != 0;
        (long consumed, long examined) = (step.Other % 10) switch
        {
            0 or 1 or 2 => (length, length),
            3 or 4 => (some, length),
            5 => (0, length),
            6 => (0, more),
            7 => (some, some),
            8 => (0, 0),
            _ => (some, more),
        };

        if (consumed == examined && (step.Other & 128) != 0)
        {
            BothSides(
                "AdvanceTo",
                $"AdvanceTo({consumed} of {length})",
                side => side.Advance(consumed, otherForm));
        }
        else
        {
            BothSides(
                "AdvanceTo",
                $"AdvanceTo({consumed}, {examined} of {length})",
                side => side.Advance(consumed, examined, otherForm));
        }

        _model.OnAdvance(consumed, examined);
    }

    private void AdvanceToDefault(int form)
    {
        if (!_model.CanAdvanceToDefault)
        {
            return;
        }

        Observation expected = form % 2 == 0
            ? Both("AdvanceTo(default)", static reader => reader.AdvanceTo(default))
            : Both("AdvanceTo(default, default)", static reader => reader.AdvanceTo(default, default));
        if (expected.Outcome == Outcome.Done)
        {
            _model.OnAdvanceToDefault();
        }
    }

    private void AdvanceBackwards(Step<ReaderAction> step)
    {
        if (!_model.HasPositions || _model.Completed || _model.Length == 0)
        {
            return;
        }

        long consumed = 1 + (step.Size % _model.Length);
        long examined = step.Other % consumed;
        BothSides(
            "AdvanceTo",
            $"AdvanceTo({consumed}, {examined} of {_model.Length})",
            side => side.Advance(consumed, examined, otherForm: false));
    }

    private void AdvanceAgain()
    {
        if (_model.CanAdvanceAgain && !_model.Pending)
        {
            BothSides("AdvanceTo", "AdvanceTo(0, 0) again", static side => side.Advance(0, 0, otherForm: false));
        }
    }

    private void CancelToken()
    {
        _log.Say("Cancel the latest token");
        _model.OnTokenCancelled();
        _oracle.CancelToken();
        _subject.CancelToken();
    }

    private void Collect(bool attach)
    {
        if (EndsByItself || _oracle.Pending is not { IsAttached: false } pending)
        {
            return;
        }

        if (attach || !pending.IsComplete)
        {
            _log.Say("Await the read");
            Attach();
        }
        else
        {
            Finish("The read", inPieces: false);
        }
    }

    private void Complete(int form)
    {
        Exception? error = form % 2 == 0 ? null : new IOException("The reader gives up.");
        Both($"Complete({(error is null ? "" : "error")})", reader => reader.Complete(error));
        _model.OnComplete();
    }

    private void EndOfInput(int form)
    {
        Exception? error = form % 2 == 0 ? null : new IOException("The input is broken.");
        if (_model.Ended || (error is not null && _model.MayHoldBack && !Exact))
        {
            // Whether an error overtakes bytes that are held back is the subject's own business.
            return;
        }

        _log.Say($"End of input{(error is null ? "" : " with an error")}");
        _model.OnEnd(error is not null);
        _oracle.EndOfInput(error);
        _subject.EndOfInput(error);
    }

    private void Attach()
    {
        _attached.Add(_subject.Pending!);
        _oracle.Pending!.Attach();
        _subject.Pending!.Attach();
    }

    private void ObservePending(bool inPieces)
    {
        if (EndsByItself || _oracle.Pending is not { } expected)
        {
            return;
        }

        PendingOperation<ReadResult> actual = _subject.Pending!;
        if (!expected.IsComplete)
        {
            if (actual.IsComplete)
            {
                _log.Differ("The subject has completed the pending read, the pipe has not.");
            }
        }
        else if (!actual.Wait(_subject.Subject.Patience))
        {
            _log.Differ("The pipe has completed the pending read, the subject has not.");
        }
        else if (expected.IsAttached)
        {
            Finish("The awaited read", inPieces);
        }
    }

    private void Finish(string call, bool inPieces)
    {
        Observation expected = _oracle.Collect(_model.BufferPosition);
        Observation actual = _subject.Collect(_model.BufferPosition);
        Compare("Await", call, expected, actual, _model.Minimum, inPieces);
        if (expected.Outcome == Outcome.Faulted)
        {
            _model.OnPendingFailed();
        }
        else
        {
            _model.OnResult(expected.IsCanceled, Math.Min(_oracle.Length, _subject.Length));
        }
    }

    private Observation Both(string call, Action<PipeReader> action) =>
        BothSides(call[..call.IndexOf('(', StringComparison.Ordinal)], call, side => side.Call(action));

    private Observation BothSides(string name, string call, Func<ReaderSide, Observation> action)
    {
        Observation expected = action(_oracle);
        _log.Compare(name, call, expected, action(_subject));
        return expected;
    }

    private void Compare(
        string name, string call, in Observation expected, Observation actual, int minimum, bool inPieces)
    {
        if (!Exact
            && expected.Outcome == Outcome.Result
            && actual.Outcome == Outcome.Result
            && _model.BufferPosition is not null)
        {
            // A cancelled read returns the available bytes.
            actual = Allow(call, expected, actual, expected.IsCanceled ? 0 : minimum, inPieces && !expected.IsCanceled);
        }

        _log.Compare(name, call, expected, actual);
    }

    /// <summary>
    /// Makes an inexact subject's result equal to the pipe's if it only shows fewer bytes than it may.
    /// </summary>
    private Observation Allow(string call, in Observation expected, in Observation actual, int minimum, bool inPieces)
    {
        long examinedBefore = _model.Examined - _model.Consumed;
        bool mayNotPause = _model.LargestMinimum > 0 && Has(PipeQuirks.MayNotPauseAfterReadAtLeast);
        if (!mayNotPause && _model.ReadAheadLimit + _subject.Subject.ReadAheadSlack < actual.Length - examinedBefore)
        {
            _log.Differ(
                $"{call}: the subject shows {actual.Length - examinedBefore} unexamined bytes; it should have paused.");
        }

        if (!inPieces && !_model.MayHoldBack)
        {
            return actual;
        }

        // The continuation of a read may run as soon as the first piece satisfies it.
        long fewest = inPieces ? minimum : Math.Min(_model.Unexamined, Math.Max(minimum, _pauseThreshold / 2));
        return actual.Length < examinedBefore + fewest || actual.Length > expected.Length
            ? actual
            : actual with
            {
                Length = expected.Length,
                IsCompleted = actual.IsCompleted || (_model.MayHoldBack && expected.IsCompleted)
            };
    }
}
