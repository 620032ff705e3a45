using System;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.Scheduling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Scheduling;

/// <summary>
/// What the monitor makes of a callback that holds its loop, situation by situation. Times in microseconds.
/// </summary>
public sealed class StallEvidenceTests
{
    private const long Threshold = 2_000;

    [Theory]
    [InlineData("sleeps, or waits for a lock or an event", "InDoubt", true, 2_000, 0, 2, "Blocked")]
    [InlineData("waits for a socket, a file or a process", "Waits", false, 2_000, 0, 2, "Blocked")]
    [InlineData("computes", "Ready", false, 2_000, 2_000, 0, "Computing")]
    [InlineData(
        "computes while others have its CPU for half of the time", "Ready", false, 2_000, 1_000, 0, "Computing")]
    [InlineData("computes in many slices on a crowded CPU", "Ready", false, 50_000, 2_000, 0, "Computing")]
    [InlineData("is ready and has no CPU", "Ready", false, 50_000, 100, 40, "Innocent")]
    [InlineData("has waited and is ready again", "Ready", true, 2_000, 10, 2, "Innocent")]
    [InlineData("is ready after a collection that took all the time", "Ready", false, 0, 30_000, 0, "Innocent")]
    [InlineData(
        "has made a long collection for all and is ready without a CPU", "Ready", false, 100_000, 1_000, 0, "Innocent")]
    [InlineData("waits for a page of memory, or a debugger holds it", "Stopped", false, 500_000, 0, 400, "Innocent")]
    [InlineData("a debugger holds it in a wait", "Stopped", true, 500_000, 0, 400, "Innocent")]
    [InlineData(
        "waits for a collection, the compiler or a class to be loaded", "InDoubt", false, 8_000, 0, 8, "Innocent")]
    [InlineData("goes on between such waits", "InDoubt", false, 500_000, 300, 3, "Innocent")]
    [InlineData("waits in a library of another language", "InDoubt", false, 17_000, 0, 16, "Unclear")]
    [InlineData("computes, and the kernel does not say what it does", "Unknown", false, 2_000, 1_900, 0, "Computing")]
    [InlineData("waits for a lock, and the kernel does not say what it does", "Unknown", true, 2_000, 0, 2, "Blocked")]
    [InlineData(
        "stands still for a moment, and the kernel does not say what it does", "Unknown", false, 5_000, 0, 5,
        "Innocent")]
    [InlineData(
        "stands still for long, and the kernel does not say what it does", "Unknown", false, 17_000, 0, 16, "Unclear")]
    [InlineData("nothing at all can be learned of it", "Unknown", false, 17_000, -1, 16, "Unclear")]
    [InlineData("is ready, and its CPU time cannot be learned", "Ready", false, 17_000, -1, 16, "Unclear")]
    public void A_callback_is_judged_by_what_its_thread_does(
        string what, string activity, bool isInManagedWait, long passed, long used, int still, string verdict)
        => Assert.True(
            string.Equals(
                verdict,
                new StallEvidence(Enum.Parse<ThreadActivity>(activity), isInManagedWait, passed, used, still, Threshold)
                    .Judge()
                    .ToString(),
                StringComparison.Ordinal),
            what);
}
