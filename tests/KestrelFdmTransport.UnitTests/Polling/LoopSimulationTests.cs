using System;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>What clients see of the sets, in virtual time; each request costs 19 µs give or take a half.</summary>
public sealed class LoopSimulationTests
{
    private const double MostService = 1.5 * 19;

    private static readonly PollingPolicy s_arrivalOrder = PollingPolicy.Default with { Enabled = false };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_client_starves_when_more_wants_to_be_served_than_can_be(int seed)
    {
        ClientClass hot = new(256, NoPause), warm = new(1000, Between(50, 150)), cold = new(2000, Between(500, 1500));
        _ = new LoopSimulation(PollingPolicy.Default, seed, hot, warm, cold).Run(settle: 2000, duration: 1000);

        // An iteration dispatches at most all hot ones, twice as many warm ones and as many cold ones.
        const double LongestIteration = 4 * 256 * MostService;
        Assert.All(
            [hot, warm, cold],
            clients => Assert.InRange(Math.Max(clients.Longest, clients.LongestSilence), 0, 2 * LongestIteration));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Hot_clients_stay_fast_under_overload_and_the_others_pay_little(double hotThink)
    {
        (ClientClass hot, ClientClass sporadic) = Overload(PollingPolicy.Default, hotThink);
        (ClientClass hotBefore, ClientClass sporadicBefore) = Overload(s_arrivalOrder, hotThink);

        Assert.InRange(hot.Percentile(99), 0, hotBefore.Percentile(99) / 16);
        Assert.InRange(sporadic.Percentile(99), 0, 1.6 * sporadicBefore.Percentile(99));
        Assert.InRange(
            hot.Requests + sporadic.Requests, 0.97 * (hotBefore.Requests + sporadicBefore.Requests), double.MaxValue);
    }

    /// <summary>A loop that keeps up dispatches in arrival order, at every load.</summary>
    [Theory]
    [InlineData(0.7, 8)]
    [InlineData(0.85, 8)]
    [InlineData(0.9, 28)]
    [InlineData(0.95, 8)]
    public void Below_overload_every_client_waits_as_in_arrival_order(double load, int hots)
    {
        (ClientClass hot, ClientClass sporadic) = At(load, hots, PollingPolicy.Default);
        (ClientClass hotBefore, ClientClass sporadicBefore) = At(load, hots, s_arrivalOrder);

        Assert.InRange(hot.Percentile(99), 0, 1.03 * hotBefore.Percentile(99));
        Assert.InRange(sporadic.Percentile(99), 0, 1.03 * sporadicBefore.Percentile(99));
    }

    [Theory]
    [InlineData(0.85, 5)]
    [InlineData(0.9, 10)]
    [InlineData(0.95, 2)]
    public void On_a_shared_CPU_every_client_waits_about_as_in_arrival_order(double load, double pause)
    {
        (ClientClass hot, ClientClass sporadic) = Disturbed(load, pause, PollingPolicy.Default);
        (ClientClass hotBefore, ClientClass sporadicBefore) = Disturbed(load, pause, s_arrivalOrder);

        Assert.InRange(sporadic.Percentile(99), 0, 1.1 * sporadicBefore.Percentile(99));
        Assert.InRange(hot.Percentile(99.9), 0, 1.1 * hotBefore.Percentile(99.9));
    }

    [Fact]
    public void If_all_are_hot_they_are_served_in_the_order_of_arrival()
    {
        Assert.Equal(Order(s_arrivalOrder), Order(PollingPolicy.Default));

        static System.Collections.Generic.List<int> Order(PollingPolicy rules)
            => new LoopSimulation(rules, seed: 1, new ClientClass(64, NoPause)).Run(settle: 0, duration: 200).Order;
    }

    [Theory]
    [InlineData(400, 4000)]
    [InlineData(400, 400)]
    [InlineData(100, 4000)]
    public void Behind_a_long_round_trip_those_that_think_for_30_ms_are_hot_and_those_that_think_for_2_s_are_not(
        int quick,
        int slow)
    {
        foreach (Func<double, Func<Random, double>> spread in new[] { Exactly, GiveOrTakeHalf, AtRandom })
        {
            ClientClass quicks = new(quick, spread(30)) { RoundTrip = 20_000 },
            slows = new(slow, spread(2000)) { RoundTrip = 20_000 };
            _ = new LoopSimulation(PollingPolicy.Default, seed: 1, quicks, slows).Run(settle: 8000, duration: 4000);

            Assert.InRange(quicks.PartIn(PollingSet.Hot), 0.95, 1);
            Assert.InRange(slows.PartIn(PollingSet.Hot), 0, 0.05);
        }
    }

    [Fact]
    public void A_new_connection_beside_a_thousand_greedy_clients_waits_about_as_long_as_they_do()
    {
        ClientClass greedy = new(1000, NoPause), late = new(16, Between(50, 150)) { Reconnects = true };
        _ = new LoopSimulation(PollingPolicy.Default, seed: 1, greedy, late).Run(settle: 500, duration: 4000);

        Assert.InRange(late.Percentile(50), 0, 1.1 * greedy.Percentile(50));
        Assert.InRange(late.Percentile(99), 0, 1.1 * greedy.Percentile(99));
    }

    [Fact]
    public void A_connection_that_was_silent_for_long_waits_for_two_turns_at_most()
    {
        ClientClass greedy = new(1000, NoPause), silent = new(16, Between(500, 1500));
        _ = new LoopSimulation(PollingPolicy.Default, seed: 1, greedy, silent).Run(settle: 2000, duration: 2000);

        Assert.InRange(silent.Longest, 0, 2.1 * greedy.Percentile(50));
    }

    private static (ClientClass Hot, ClientClass Sporadic) Overload(PollingPolicy rules, double hotThink)
    {
        ClientClass hot = new(8, Between(hotThink, hotThink)), sporadic = new(4500, Between(10, 100));
        _ = new LoopSimulation(rules, seed: 1, hot, sporadic).Run(settle: 500, duration: 500);
        return (hot, sporadic);
    }

    /// <summary>
    /// A hot client with a mean pause of 1 ms takes 1.7 % of the loop's time, sporadic ones what is left.
    /// </summary>
    private static (ClientClass Hot, ClientClass Sporadic) At(double load, int hots, PollingPolicy rules)
    {
        ClientClass hot = new(hots, AtRandom(1)),
        sporadic = new((int)((load - (0.017 * hots)) * 55_100 / 19), Between(10, 100));
        for (int seed = 1; seed <= 3; seed++)
        {
            _ = new LoopSimulation(rules, seed, hot, sporadic).Run(settle: 500, duration: 3000);
        }

        return (hot, sporadic);
    }

    /// <summary>
    /// As <see cref="At"/>, with hot clients that want 1,000 requests a second each, and so 15.2 % of the loop's time.
    /// </summary>
    private static (ClientClass Hot, ClientClass Sporadic) Disturbed(double load, double pause, PollingPolicy rules)
    {
        ClientClass hot = new(8, Exactly(1)) { Paced = true };
        ClientClass sporadic = new((int)((load - 0.152) * 55_000 / 19), Between(10, 100)) { Paced = true };
        for (int seed = 1; seed <= 3; seed++)
        {
            _ = new LoopSimulation(rules, seed, hot, sporadic) { Pause = 1000 * pause }
                .Run(settle: 500, duration: 5000);
        }

        return (hot, sporadic);
    }

    private static double NoPause(Random random) => 0;

    private static Func<Random, double> Between(double least, double most)
        => random => 1000 * (least + ((most - least) * random.NextDouble()));

    private static Func<Random, double> Exactly(double mean) => _ => 1000 * mean;

    private static Func<Random, double> GiveOrTakeHalf(double mean) => Between(mean / 2, mean * 1.5);

    private static Func<Random, double> AtRandom(double mean)
        => random => -1000 * mean * Math.Log(1 - random.NextDouble());
}
