using System;
using System.Threading;
using KestrelFdmTransport.Connections;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Connections;

/// <summary>The gate with several threads at it.</summary>
[Collection(NonParallel.Name)]
public sealed class SendGateThreadsTests
{
    [Fact]
    public void One_thread_at_a_time_is_inside_and_all_pending_work_is_done()
    {
        const int Threads = 4;
        const int OperationsEach = 250_000;

        var subject = new Subject();
        TestThreads.Run(Threads, number =>
        {
            var random = new Random(number);
            for (int i = 0; i < OperationsEach; i++)
            {
                subject.Operate(random);
            }
        });

        subject.AssertAllDone(Threads * OperationsEach);
        Assert.True(subject.TryShut());
    }

    [Fact]
    public void The_work_of_refused_senders_is_done_when_all_have_returned()
    {
        const int Rounds = 50_000;

        var subject = new Subject();
        TestThreads.Run(2, (number, meeting) =>
        {
            var random = new Random(number);
            for (int round = 1; round <= Rounds && meeting.HasTime(round); round++)
            {
                meeting.Meet();
                Thread.SpinWait(random.Next(5));
                subject.Operate(random);
                meeting.Meet();
                subject.AssertAllDone(2 * round);
            }
        });
    }

    [Fact]
    public void The_closer_gets_in_exactly_once_and_no_thread_after_it()
    {
        const int Threads = 3;
        const int Rounds = 1_000;

        var random = new ThreadLocal<Random>(() => new Random(Environment.CurrentManagedThreadId));
        Subject? subject = null;
        TestThreads.Run(Threads, (number, meeting) =>
        {
            for (int round = 0; round < Rounds && meeting.HasTime(round); round++)
            {
                if (number == 0)
                {
                    subject = new Subject();
                }

                meeting.Meet();
                if (number == 0)
                {
                    Thread.SpinWait(random.Value!.Next(100));
                    subject!.Close();
                }
                else
                {
                    for (int i = 0; i < 10; i++)
                    {
                        subject!.Operate(random.Value!);
                    }
                }

                meeting.Meet();
                if (number == 0)
                {
                    subject!.AssertClosedOnce();
                }
            }
        });
    }

    /// <summary>Uses a gate as a connection does.</summary>
    private sealed class Subject
    {
        private SendGate _gate;
        private int _work;
        private int _done;
        private int _requested;
        private int _inside;
        private int _pins;
        private int _closed;

        public void Operate(Random random)
        {
            int what = random.Next(8);
            if (what == 0)
            {
                Interlocked.Increment(ref _requested);
                _gate.Request(reset: random.Next(2) == 0);
            }

            Interlocked.Increment(ref _work);
            if (_gate.TryEnter() != SendGate.Entry.Entered)
            {
                return;
            }

            Assert.Equal(1, Interlocked.Increment(ref _inside));
            Assert.Equal(0, Volatile.Read(ref _closed));
            bool pin = what < 4;
            bool shut;
            do
            {
                // In this order: what comes after the pending bits were taken sets them again.
                _gate.TakePending(out bool reset, out bool finish);
                if (reset || finish)
                {
                    Interlocked.Exchange(ref _requested, 0);
                }

                _done += Interlocked.Exchange(ref _work, 0);
                Interlocked.Decrement(ref _inside);
                Interlocked.Add(ref _pins, pin ? 1 : 0);
                if (_gate.TryLeave(pin, out shut))
                {
                    break;
                }

                Interlocked.Add(ref _pins, pin ? -1 : 0);
                Assert.Equal(1, Interlocked.Increment(ref _inside));
            }
            while (true);

            if (pin)
            {
                Assert.Equal(0, Volatile.Read(ref _closed));
                Interlocked.Decrement(ref _pins);
                shut = _gate.Unpin();
            }

            if (shut)
            {
                Close();
            }
        }

        public bool TryShut() => _gate.TryShut();

        public void Close()
        {
            if (_gate.TryShut())
            {
                Assert.Equal(0, Volatile.Read(ref _inside));
                Assert.Equal(0, Volatile.Read(ref _pins));
                Assert.Equal(1, Interlocked.Increment(ref _closed));
            }
        }

        public void AssertAllDone(int expected)
        {
            Assert.Equal(expected, _done);
            Assert.Equal(0, _work);
            Assert.Equal(0, _requested);
        }

        public void AssertClosedOnce()
        {
            Assert.Equal(1, _closed);
            Assert.Equal(SendGate.Entry.Shut, _gate.TryEnter());
        }
    }
}
