namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// The part of a pipe's state that determines which operations are defined, and which results are certain.
/// </summary>
internal sealed class WriterModel(int pauseThreshold, int slack)
{
    public long Flushed { get; private set; }

    public long Unflushed { get; private set; }

    public long Drained { get; private set; }

    /// <summary>Where in the stream the next byte belongs.</summary>
    public long Position => Flushed + Unflushed;

    public long Outstanding => Flushed - Drained;

    /// <summary>The memory of the latest <c>GetMemory</c> may still be written to.</summary>
    public bool HasMemory { get; private set; }

    public bool HasEverHadMemory { get; private set; }

    /// <summary>Flushes are pending until less than half of the threshold is outstanding.</summary>
    public bool Paused { get; private set; }

    /// <summary>A writer with slack may or may not be paused.</summary>
    public bool Uncertain { get; private set; }

    public bool Completed { get; private set; }

    /// <summary>The writer was completed with an error, so what is outstanding need not arrive.</summary>
    public bool SinkFaulted { get; private set; }

    public bool Ended { get; private set; }

    public void OnGetMemory()
    {
        HasMemory = true;
        OnMemory();
    }

    /// <summary>The writer has, or has had, memory.</summary>
    public void OnMemory() => HasEverHadMemory = true;

    public void OnAdvance(int count)
    {
        OnMemory();
        if (!Ended)
        {
            Unflushed += count;
        }
    }

    public void ForgetMemory() => HasMemory = false;

    /// <summary>What has been written is flushed, by a flush or by <c>Complete</c>.</summary>
    public void OnCommit(int written = 0)
    {
        HasMemory = false;
        if (Ended)
        {
            Unflushed = 0;
            return;
        }

        long before = Outstanding;
        Flushed += Unflushed + written;
        Unflushed = 0;
        if (before < pauseThreshold && Outstanding >= pauseThreshold)
        {
            Paused = true;
            Uncertain = !IsCertain(Outstanding, pauseThreshold);
        }
    }

    public void OnDrain(int count)
    {
        Drained += count;
        if (Outstanding < pauseThreshold / 2)
        {
            Paused = false;
            Uncertain = false;
        }
    }

    public void OnComplete(bool withError)
    {
        OnCommit();
        SinkFaulted |= withError && !Completed;
        Completed = true;
    }

    public void OnEnd()
    {
        Ended = true;
        Paused = false;
        Uncertain = false;
    }

    /// <summary>Is it certain on which side of a threshold the writer sees itself?</summary>
    public bool IsCertain(long outstanding, int threshold)
        => outstanding < threshold || outstanding >= threshold + slack;
}
