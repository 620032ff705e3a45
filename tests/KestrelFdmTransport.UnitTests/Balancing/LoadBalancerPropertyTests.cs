using System;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Balancing;

/// <summary>What must become of any population of busy connections.</summary>
public sealed class LoadBalancerPropertyTests
{
    /// <summary>Ten seconds.</summary>
    private const int Windows = 200;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(8)]
    public void Many_small_loads_balance_within_a_fifth_and_then_hardly_migrate(int loops)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var population = new LoadPopulation(loops, seed);
            Fill(population, random, loops, largest: 0.1);
            population.Run(Windows);

            Assert.True(
                population.Difference <= 0.201,
                FormattableString.Invariant($"Seed {seed}: {population.Difference}"));
            Assert.True(
                population.Moves <= 2 * population.Connections,
                FormattableString.Invariant($"Seed {seed}: {population.Moves} moves of {population.Connections}"));
            AssertQuiet(population, seed);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Large_loads_among_small_ones_do_not_go_back_and_forth(int loops)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var population = new LoadPopulation(loops, seed);
            population.Add(0, work: 0.3 + (0.4 * random.NextDouble()));
            Fill(population, random, loops, largest: 0.1);
            double before = population.Difference;
            population.Run(Windows);

            // Without time to spare, activity may carry the large one to where there are more small ones.
            Assert.True(
                population.Difference <= Math.Max(0.201, before + 0.15),
                FormattableString.Invariant($"Seed {seed}: {population.Difference} after {before}"));
            AssertQuiet(population, seed);
        }
    }

    [Fact]
    public void Measurements_that_are_off_by_a_twentieth_cause_few_moves()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var population = new LoadPopulation(loops: 2, seed) { Error = 0.05 };
            population.Add(0, work: 0.02, count: 40);
            population.Run(5 * Windows);

            Assert.InRange(population.Moves, 10, 40);
            Assert.InRange(population.Difference, 0, 0.25);
        }
    }

    [Fact]
    public void A_single_connection_that_keeps_its_loop_busy_stays()
    {
        var population = new LoadPopulation(loops: 4, seed: 1);
        population.Add(2, work: 1);
        population.Run(Windows);

        Assert.Equal(0, population.Moves);
    }

    [Theory]
    [InlineData(0.5, 0.35)]
    [InlineData(0.9, 0.72)]
    [InlineData(5, 3)]
    public void No_connection_migrates_for_little_or_no_gain(double first, double second)
    {
        var population = new LoadPopulation(loops: 2, seed: 1);
        population.Add(0, first / 50, count: 50);
        population.Add(1, second / 50, count: 50);
        population.Run(Windows);

        Assert.Equal(0, population.Moves);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void On_saturated_loops_hot_connections_spread_evenly_and_then_stay(int loops)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var population = new LoadPopulation(loops, seed);
            for (int loop = 0; loop < loops; loop++)
            {
                population.Add(loop, work: 1, count: 1 + random.Next(60));
            }

            population.Run(Windows);

            Assert.True(
                population.CountShare <= 1.1 || population.CountDifference <= 2,
                FormattableString.Invariant($"Seed {seed}: {population.CountShare}"));
            int moves = population.Moves;
            population.Run(Windows);
            Assert.Equal(moves, population.Moves);
        }
    }

    [Fact]
    public void A_few_slow_connections_and_many_fast_ones_do_not_swap_for_ever()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var population = new LoadPopulation(loops: 2, seed);
            population.Add(0, work: 0.0241, count: 40);
            population.Add(1, work: 0.12, count: 8);
            population.Run(10 * Windows);

            Assert.InRange(population.Moves, 0, 160);
        }
    }

    [Fact]
    public void A_busy_CPU_alone_makes_no_connection_of_an_unsaturated_loop_migrate()
    {
        var population = new LoadPopulation(loops: 2, seed: 1) { Deprived = { [0] = 0.5, [1] = 1 } };
        population.Add(0, work: 0.02, count: 30);
        population.Add(1, work: 0.01, count: 30);
        population.Run(Windows);

        Assert.Equal(0, population.Moves);
    }

    [Fact]
    public void Short_bursts_make_no_connection_migrate()
    {
        var population = new LoadPopulation(loops: 2, seed: 1);
        population.Add(0, work: 0.01, count: 40);
        population.Add(1, work: 0.01, count: 40);
        for (int i = 0; i < 20; i++)
        {
            population.Spikes[i % 2] = 0.4;
            population.Run(8);
            population.Spikes.Clear();
            population.Run(12);
        }

        Assert.Equal(0, population.Moves);
    }

    [Fact]
    public void A_saturated_loop_gives_connections_away_also_on_a_busy_CPU()
    {
        var population = new LoadPopulation(loops: 2, seed: 1) { Deprived = { [0] = 0.5, [1] = 1 } };
        population.Add(0, work: 0.04, count: 30);
        population.Add(1, work: 0.01, count: 30);
        population.Run(Windows);

        Assert.InRange(population.Moves, 1, 20);
    }

    [Fact]
    public void No_connection_migrates_if_the_option_is_off()
    {
        var population = new LoadPopulation(loops: 2, seed: 1, moves: false);
        population.Add(0, work: 0.02, count: 40);
        population.Run(Windows);

        Assert.Equal(0, population.Moves);
    }

    /// <summary>A balanced population stays as it is, but for a few migrations.</summary>
    private static void AssertQuiet(LoadPopulation population, int seed)
    {
        population.Run(20 * Windows);
        int moves = population.Moves;
        population.Run(20 * Windows);
        moves = population.Moves - moves;
        Assert.True(
            moves <= Math.Max(2, population.Connections / 4),
            FormattableString.Invariant($"Seed {seed}: {moves} moves of {population.Connections}"));
    }

    /// <summary>At most nine tenths of all the loops' time, on as many loops as chance will have it.</summary>
    private static void Fill(LoadPopulation population, Random random, int loops, double largest)
    {
        int crowded = 1 + random.Next(loops);
        double total = loops * (0.1 + (0.8 * random.NextDouble()));
        for (double sum = 0; sum < total - largest;)
        {
            double work = largest * Math.Pow(random.NextDouble(), 3);
            population.Add(random.Next(crowded), work);
            sum += work;
        }
    }
}
