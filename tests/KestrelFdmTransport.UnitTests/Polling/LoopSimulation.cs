using System;
using System.Collections.Generic;
using KestrelFdmTransport.Endpoints;
using KestrelFdmTransport.Polling;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Polling;

/// <summary>
/// One event loop on a CPU of its own, in virtual time: clients send a request, wait for the answer and think; the loop
/// polls and dispatches as <c>EventLoop</c> does. The same seed always gives the same run.
/// </summary>
internal sealed class LoopSimulation
{
    private const double HarvestTime = 2;
    private const double MeanService = 19;
    private const double AcceptTime = 8;
    private const double PauseEvery = 333_333;

    private static readonly long s_microsecond = StopwatchTime.Ticks(TimeSpan.FromMicroseconds(1));

    private readonly PollingSets _sets;
    private readonly Random _random;

    /// <summary>Of its own, so that the pauses do not depend on who was served.</summary>
    private readonly Random _pauses;

    private readonly List<Client> _clients = [];

    /// <summary>Requests on their way, by the time at which they are there.</summary>
    private readonly PriorityQueue<int, double> _coming = new();

    private readonly List<int> _harvest = [];

    /// <summary>The listen socket, as a source: its slot and who waits there to be accepted.</summary>
    private readonly int _listen;

    private readonly Queue<int> _connecting = new();

    /// <summary>Connections whose event comes with their registration.</summary>
    private readonly List<int> _registered = [];

    private double _now;
    private double _harvested;
    private double _pauseDue = PauseEvery;

    public LoopSimulation(PollingPolicy rules, int seed, params ReadOnlySpan<ClientClass> classes)
    {
        _sets = new PollingSets(rules, new SpinPredictor());
        _random = new Random(seed);
        _pauses = new Random(seed);
        foreach (ClientClass clients in classes)
        {
            for (int i = 0; i < clients.Count; i++)
            {
                _sets.Register(_clients.Count, 0);
                double first = _random.NextDouble() * (clients.Think(_random) + clients.RoundTrip);
                _coming.Enqueue(_clients.Count, first);
                _clients.Add(new Client(clients) { SentAt = first });
            }
        }

        _listen = _clients.Count;
        _sets.Register(_listen, 0);
    }

    /// <summary>
    /// For how many microseconds others have the CPU, three times a second, give or take four fifths.
    /// </summary>
    public double Pause { get; init; }

    /// <summary>Who was served, in order.</summary>
    public List<int> Order { get; } = [];

    /// <param name="settle">The first milliseconds, which do not count.</param>
    /// <param name="duration">Milliseconds that count.</param>
    public LoopSimulation Run(double settle, double duration)
    {
        double from = settle * 1000;
        double end = from + (duration * 1000);
        while (_now < end)
        {
            Harvest();
            _sets.BeginIteration(Ticks(_now));
            while (_now < end && _sets.TryNext(out ulong token))
            {
                if ((int)token == _listen)
                {
                    Accept();
                }
                else
                {
                    Serve((int)token, counts: _now >= from);
                }
            }
        }

        _clients.ForEach(client => client.Class.Silent(_now - Math.Max(from, client.SentAt)));
        return this;
    }

    private void Harvest()
    {
        double since = _harvested;
        if (_sets.Backlog == 0
            && _connecting.Count == 0
            && _registered.Count == 0
            && _coming.TryPeek(out _, out double next)
            && next > _now)
        {
            // Asleep until something comes.
            since = _now = next;
        }

        if (Pause > 0 && _now > _pauseDue)
        {
            _now += Pause * (0.2 + (1.6 * _pauses.NextDouble()));
            _pauseDue += PauseEvery;
        }

        _now += HarvestTime;
        _harvested = _now;
        FindEvents();
        _sets.BeginBatch(_harvest.Count, Ticks(_now), Ticks(since));
        foreach (int slot in _harvest)
        {
            _sets.Arrived((uint)slot);
            Assert.InRange(_sets.Counter(slot).Value, (byte)0, PollingPolicy.CounterMax);
        }
    }

    private void FindEvents()
    {
        _harvest.Clear();
        _harvest.AddRange(_registered);
        _registered.Clear();
        if (_connecting.Count > 0)
        {
            _harvest.Add(_listen);
        }

        while (_coming.TryPeek(out int slot, out double at) && at <= _now)
        {
            _coming.Dequeue();
            if (!_clients[slot].Class.Reconnects)
            {
                _harvest.Add(slot);
                continue;
            }

            if (_connecting.Count == 0)
            {
                _harvest.Add(_listen);
            }

            _connecting.Enqueue(slot);
        }
    }

    private void Accept()
    {
        _sets.Dequeued(_listen);
        for (int share = Acceptor.AcceptBudget(_sets.Pending); share > 0
            && _connecting.TryDequeue(out int slot); share--)
        {
            _now += AcceptTime;
            _sets.Register(slot, Ticks(_now));
            if (!_sets.EnqueueAccepted((uint)slot, Ticks(_harvested)))
            {
                _registered.Add(slot);
            }
        }

        _sets.OnDispatched(_listen, Ticks(_now));
    }

    private void Serve(int slot, bool counts)
    {
        Client client = _clients[slot];
        _sets.Dequeued(slot);
        _now += MeanService * (0.5 + _random.NextDouble());
        _sets.OnDispatched(slot, Ticks(_now));
        Order.Add(slot);
        if (counts)
        {
            client.Class.Answered(_now - client.SentAt, _sets.Counter(slot).Set);
        }

        client.SentAt = client.Class.Paced
            ? Math.Max(_now + client.Class.RoundTrip, client.SentAt + client.Class.Think(_random))
            : _now + client.Class.RoundTrip + client.Class.Think(_random);
        _coming.Enqueue(slot, client.SentAt);
    }

    private static long Ticks(double microseconds) => (long)(microseconds * s_microsecond);

    private sealed class Client(ClientClass clients)
    {
        public ClientClass Class { get; } = clients;

        public double SentAt { get; set; }
    }
}
