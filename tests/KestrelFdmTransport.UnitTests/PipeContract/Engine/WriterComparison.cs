using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Pipelines;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// Does the same to two writers, step by step, and compares what each step lets its caller see and what arrives. The
/// oracle goes first: what it completes the subject must complete, within its patience; what it leaves pending the
/// subject must leave pending.
/// </summary>
internal sealed class WriterComparison
{
    private readonly ComparisonLog _log = new();
    private readonly List<PendingOperation<FlushResult>> _attached = [];
    private readonly WriterModel _model;
    private readonly WriterSide _oracle;
    private readonly WriterSide _subject;
    private readonly int _pauseThreshold;
    private readonly int _slack;
    private byte[] _drain = [];

    private WriterComparison(WriterSide oracle, WriterSide subject, int pauseThreshold)
    {
        _oracle = oracle;
        _subject = subject;
        _pauseThreshold = pauseThreshold;
        _slack = Exact ? 0 : subject.Subject.Slack;
        _model = new WriterModel(pauseThreshold, _slack);
    }

    public static ComparisonResult Run(
        IReadOnlyList<Step<WriterAction>> steps, Func<int, IWriterSubject> create, int pauseThreshold) =>
        RunAsync(steps, create, pauseThreshold).GetAwaiter().GetResult();

    private static async Task<ComparisonResult> RunAsync(
        IReadOnlyList<Step<WriterAction>> steps, Func<int, IWriterSubject> create, int pauseThreshold)
    {
        await using var oracle = new PipeWriterOracle(pauseThreshold);
        await using IWriterSubject subject = create(pauseThreshold);
        using var oracleSide = new WriterSide(oracle);
        using var subjectSide = new WriterSide(subject);
        var duel = new WriterComparison(oracleSide, subjectSide, pauseThreshold);
        duel.Run(steps);
        return duel._log.Result;
    }

    /// <summary>The subject may end the output at any moment from now on, so what is pending may complete.</summary>
    private bool EndsByItself => _model.Completed && _subject.Subject.EndsWithTheWriter;

    private bool Exact => _subject.Subject.ExactBackPressure;

    private void Run(IReadOnlyList<Step<WriterAction>> steps)
    {
        _log.Say($"A pipe that pauses at {_pauseThreshold}.");
        foreach (Step<WriterAction> step in steps)
        {
            Execute(step);
            if (_log.Difference is null)
            {
                CompareUnflushedBytes(step.Action);
                ObservePending();
            }

            if (_log.Difference is not null)
            {
                return;
            }
        }

        CheckTheEnd();
    }

    private void Execute(Step<WriterAction> step)
    {
        switch (step.Action)
        {
            case WriterAction.GetMemory:
                GetMemory(step.Size);
                break;
            case WriterAction.GetSpan:
                WriteSpan(step.Size, step.Other);
                break;
            case WriterAction.GetNegative:
                GetNegative(step);
                break;
            case WriterAction.Advance:
                Advance(step);
                break;
            case WriterAction.AdvanceTooFar:
                AdvanceTooFar(step.Other);
                break;
            case WriterAction.AdvanceNegative:
                Both("Advance(-1)", static writer => writer.Advance(-1));
                break;
            case WriterAction.Flush:
                Flush(step);
                break;
            case WriterAction.Write:
                Write(step);
                break;
            case WriterAction.CancelPendingFlush:
                Both("CancelPendingFlush()", static writer => writer.CancelPendingFlush());
                break;
            case WriterAction.CancelToken:
                _log.Say("Cancel the latest token");
                _oracle.CancelToken();
                _subject.CancelToken();
                break;
            case WriterAction.Collect:
                Collect(step.Attach);
                break;
            case WriterAction.Drain:
                Drain(step.Size);
                break;
            case WriterAction.Complete:
                Complete(step.Other);
                break;
            case WriterAction.EndOfOutput:
                EndOfOutput(step.Other);
                break;
        }
    }

    private void GetMemory(int hint)
    {
        if (BothSides("GetMemory", $"GetMemory({hint})", side => side.GetMemory(hint)).Outcome == Outcome.Done)
        {
            _model.OnGetMemory();
        }
    }

    private void WriteSpan(int hint, int form)
    {
        int count = form % (Math.Max(1, hint) + 1);
        string call = $"GetSpan({hint}) and Advance({count})";
        if (BothSides("GetSpan", call, side => side.WriteSpan(hint, count, _model.Position)).Outcome == Outcome.Done)
        {
            _model.OnAdvance(count);
            _model.ForgetMemory();
        }
    }

    private void GetNegative(Step<WriterAction> step)
    {
        int hint = -1 - (step.Size % 100);
        if (step.Other % 2 == 0)
        {
            Both($"GetMemory({hint})", writer => writer.GetMemory(hint));
        }
        else
        {
            Both($"GetSpan({hint})", writer => writer.GetSpan(hint));
        }
    }

    private void Advance(Step<WriterAction> step)
    {
        if (!_model.HasMemory)
        {
            // Without memory in hand, nothing is defined but this; and more only if there never was any.
            int none = _model.HasEverHadMemory ? 0 : step.Other % 2;
            Both($"Advance({none})", writer => writer.Advance(none));
            return;
        }

        int remaining = Math.Min(_oracle.Remaining, _subject.Remaining);
        int count = step.Other % 3 == 0 ? remaining : step.Size % (remaining + 1);
        BothSides("Advance", $"Advance({count})", side => side.Advance(count, _model.Position));
        _model.OnAdvance(count);
    }

    private void AdvanceTooFar(int form)
    {
        if (form % 2 == 0 && _model is { HasMemory: true, Ended: false })
        {
            BothSides(
                "Advance",
                "Advance(one more than there is)",
                static side => side.Call(writer => writer.Advance(side.Remaining + 1)));
        }
        else
        {
            Both("Advance(int.MaxValue)", static writer => writer.Advance(int.MaxValue));
        }
    }

    private void Flush(Step<WriterAction> step)
    {
        bool commits = step.Token != TokenChoice.AlreadyCancelled;
        if (EndsByItself)
        {
            return;
        }

        if (_oracle.Pending is not null || (commits && !MakeCertain(0, pad: step.Other % 2 == 0)))
        {
            return;
        }

        Begin("FlushAsync", $"FlushAsync({Token(step)})", null, step);
        if (commits)
        {
            _model.OnCommit();
        }
    }

    private void Write(Step<WriterAction> step)
    {
        bool commits = !_model.Completed && !_model.Ended && step.Token != TokenChoice.AlreadyCancelled;
        if ((_oracle.Pending is not null && !_model.Completed)
            || (commits && !MakeCertain(step.Size, pad: step.Other % 2 == 0)))
        {
            return;
        }

        string token = Token(step);
        Begin(
            "WriteAsync",
            $"WriteAsync({step.Size} bytes{(token.Length == 0 ? "" : ", ")}{token})",
            BytePattern.Default.Create(step.Size, _model.Position),
            step);
        if (commits)
        {
            _model.OnMemory();
            _model.OnCommit(step.Size);
        }
    }

    private static string Token(Step<WriterAction> step) => step.Token switch
    {
        TokenChoice.Fresh => "a token",
        TokenChoice.AlreadyCancelled => "a cancelled token",
        _ => "",
    };

    private void Begin(string name, string call, ReadOnlyMemory<byte>? bytes, Step<WriterAction> step)
    {
        Observation expected = _oracle.Flush(bytes, step.Token);
        Observation actual = _subject.Flush(bytes, step.Token);
        if (!Exact && expected.Outcome != Outcome.Pending && actual.Outcome == Outcome.Pending)
        {
            if (step.Attach)
            {
                _attached.Add(_subject.Pending!);
                _subject.Pending!.Attach();
            }

            if (_subject.Pending!.Wait(_subject.Subject.Patience))
            {
                // The bytes before it were on their way, or others had their turn. What the call would have thrown is
                // thrown now.
                actual = _subject.Collect();
                actual = expected.Outcome == Outcome.Threw && actual.Outcome == Outcome.Faulted
                    ? actual with { Outcome = Outcome.Threw }
                    : actual;
            }
        }

        _log.Compare(name, call, expected, actual);
        if (expected.Outcome == Outcome.Pending && actual.Outcome == Outcome.Pending && step.Attach)
        {
            Attach();
        }
    }

    /// <summary>
    /// Writes more or drains first if a writer with slack might or might not pause at what is about to be flushed.
    /// False if there is no way to make that certain.
    /// </summary>
    private bool MakeCertain(int written, bool pad)
    {
        if (_model.Paused || _model.Ended || IsCertain())
        {
            return !_model.Uncertain;
        }

        if (!pad)
        {
            Drain(int.MaxValue);
            if (IsCertain())
            {
                return _log.Difference is null;
            }
        }

        int missing = (int)(_pauseThreshold + _slack - After());
        _log.Say($"Write {missing} bytes more");
        _oracle.Pad(missing, _model.Position);
        _subject.Pad(missing, _model.Position);
        _model.OnAdvance(missing);
        _model.ForgetMemory();
        return true;

        long After() => _model.Outstanding + _model.Unflushed + written;

        bool IsCertain() => _model.IsCertain(After(), _pauseThreshold);
    }

    private void Collect(bool attach)
    {
        if (EndsByItself || _oracle.Pending is not { IsAttached: false } pending)
        {
            return;
        }

        if (attach || !pending.IsComplete)
        {
            _log.Say("Await the flush");
            Attach();
        }
        else
        {
            Finish("The flush");
        }
    }

    private void Drain(int wanted)
    {
        if (_model.Ended || _model.SinkFaulted || _model.Outstanding == 0)
        {
            return;
        }

        int count = (int)Math.Min(wanted, _model.Outstanding);
        int resumeThreshold = _pauseThreshold / 2;
        if (_model.Uncertain || (_model.Paused && !_model.IsCertain(_model.Outstanding - count, resumeThreshold)))
        {
            count = (int)Math.Max(count, _model.Outstanding - resumeThreshold + 1);
        }

        if (_drain.Length < count)
        {
            _drain = new byte[count];
        }

        _log.Say($"Drain {count} bytes");
        Drain("pipe", _oracle.Subject, count);
        Drain("subject", _subject.Subject, count);
        _model.OnDrain(count);
    }

    private void Drain(string who, IWriterSubject sink, int count)
    {
        int taken = sink.Drain(_drain.AsSpan(0, count));
        if (taken != count)
        {
            _log.Differ($"Of {count} flushed bytes that should have arrived, the {who}'s sink has got {taken}.");
        }
        else if (BytePattern.Default.FindDamage(_drain.AsSpan(0, count), _model.Drained) is { } damage)
        {
            _log.Differ($"At the {who}'s sink {damage}.");
        }
    }

    private void Complete(int form)
    {
        if (_oracle.Pending is { IsComplete: true }
            && !_model.Paused
            && _model.Outstanding + _model.Unflushed >= _pauseThreshold)
        {
            // Complete flushes what is unflushed, and a complete flush whose result was not collected would become
            // pending again.
            return;
        }

        Exception? error = form % 2 == 0 ? null : new IOException("The writer gives up.");
        Both($"Complete({(error is null ? "" : "error")})", writer => writer.Complete(error));
        _model.OnComplete(error is not null);
    }

    private void EndOfOutput(int form)
    {
        if (_model.Ended || EndsByItself)
        {
            return;
        }

        Exception? error = form % 2 == 0 ? null : new IOException("The output is broken.");
        _log.Say($"End of output{(error is null ? "" : " with an error")}");
        _model.OnEnd();
        _oracle.EndOfOutput(error);
        _subject.EndOfOutput(error);
    }

    private void Attach()
    {
        _attached.Add(_subject.Pending!);
        _oracle.Pending!.Attach();
        _subject.Pending!.Attach();
    }

    private void ObservePending()
    {
        if (EndsByItself || _oracle.Pending is not { } expected)
        {
            return;
        }

        PendingOperation<FlushResult> actual = _subject.Pending!;
        if (!expected.IsComplete)
        {
            if (actual.IsComplete)
            {
                _log.Differ("The subject has completed the pending flush, the pipe has not.");
            }
        }
        else if (!actual.Wait(_subject.Subject.Patience))
        {
            _log.Differ("The pipe has completed the pending flush, the subject has not.");
        }
        else if (expected.IsAttached)
        {
            Finish("The awaited flush");
        }
    }

    private void Finish(string call) => _log.Compare("Await", call, _oracle.Collect(), _subject.Collect());

    private void CompareUnflushedBytes(WriterAction after)
    {
        PipeWriter expected = _oracle.Subject.Writer;
        PipeWriter actual = _subject.Subject.Writer;
        if (!actual.CanGetUnflushedBytes)
        {
            _log.Differ("The subject cannot tell its unflushed bytes.");
        }
        else if (expected.UnflushedBytes != actual.UnflushedBytes)
        {
            _log.Differ(
                $"{after}: the pipe has {expected.UnflushedBytes} unflushed bytes, the subject "
                    + $"{actual.UnflushedBytes}.");
        }
    }

    private void CheckTheEnd()
    {
        if (_subject.Subject.SinkSeesEnd
            && _model is { Completed: true, Ended: false, SinkFaulted: false, Outstanding: 0 }
            && _subject.Subject.Drain(stackalloc byte[1]) != 0)
        {
            _log.Differ("The sink has got more than was flushed.");
        }

        foreach (PendingOperation<FlushResult> flush in _attached)
        {
            if (flush.Runs > 1)
            {
                _log.Differ($"The continuation of a flush ran {flush.Runs} times.");
            }
        }
    }

    private Observation Both(string call, Action<PipeWriter> action) =>
        BothSides(call[..call.IndexOf('(', StringComparison.Ordinal)], call, side => side.Call(action));

    private Observation BothSides(string name, string call, Func<WriterSide, Observation> action)
    {
        Observation expected = action(_oracle);
        _log.Compare(name, call, expected, action(_subject));
        return expected;
    }
}
