using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Dashboard.Tests;

public sealed class SamplerTests
{
    private static readonly TimeSpan s_period = TimeSpan.FromMilliseconds(1);

    [Fact]
    public async Task A_slow_viewer_gets_the_latest_sample_and_misses_those_before()
    {
        int taken = 0;
        var sampler = new Sampler(() => BitConverter.GetBytes(Interlocked.Increment(ref taken)), s_period, 2);
        using Viewer slow = sampler.TryAddViewer()!;
        await slow.NextSampleAsync(CancellationToken.None).Within();

        Eventually.Until(() => sampler.Samples > 10);

        Assert.InRange(BitConverter.ToInt32(await slow.NextSampleAsync(CancellationToken.None).Within()), 10, taken);
    }

    [Fact]
    public async Task A_viewer_sees_no_sample_twice()
    {
        int taken = 0;
        var sampler = new Sampler(() => BitConverter.GetBytes(++taken), s_period, 1);
        using Viewer viewer = sampler.TryAddViewer()!;

        int last = 0;
        for (int i = 0; i < 20; i++)
        {
            int sample = BitConverter.ToInt32(await viewer.NextSampleAsync(CancellationToken.None).Within());
            Assert.True(sample > last);
            last = sample;
        }
    }

    [Fact]
    public async Task A_sample_that_fails_fails_its_viewers_and_the_next_ones_are_taken()
    {
        int taken = 0;
        var sampler = new Sampler(() => ++taken == 1 ? throw new IOException() : [1], s_period, 2);
        using (Viewer viewer = sampler.TryAddViewer()!)
        {
            Eventually.Until(() => sampler.Samples > 1);
            Assert.Equal([1], await viewer.NextSampleAsync(CancellationToken.None).Within());
        }

        Assert.False(sampler.IsRunning);
    }

    [Fact]
    public void A_viewer_that_leaves_twice_counts_once()
    {
        var sampler = new Sampler(() => [], s_period, 2);
        using Viewer stays = sampler.TryAddViewer()!;
        Viewer leaves = sampler.TryAddViewer()!;

        leaves.Dispose();
        leaves.Dispose();

        Assert.Equal(1, sampler.Viewers);
        Assert.True(sampler.IsRunning);
    }

    [Fact]
    public void The_context_of_the_first_viewer_is_not_kept()
    {
        var local = new AsyncLocal<string> { Value = "the first viewer" };
        using var sampled = new ManualResetEventSlim();
        string? seen = null;
        var sampler = new Sampler(
            () =>
            {
                seen = local.Value;
                sampled.Set();
                return [];
            },
            s_period,
            1);

        using Viewer viewer = sampler.TryAddViewer()!;
        sampled.Within();

        Assert.Null(seen);
    }
}
