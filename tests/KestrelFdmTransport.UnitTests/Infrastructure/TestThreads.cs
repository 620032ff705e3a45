using System;
using System.Collections.Concurrent;
using System.Threading;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>Threads of their own for tests of what threads do to each other.</summary>
internal static class TestThreads
{
    /// <summary>Runs all bodies at the same time; fails with what any of them throws, or if one does not end.</summary>
    public static void Run(params Action[] bodies)
    {
        var failures = new ConcurrentQueue<Exception>();
        Thread[] threads = Array.ConvertAll(bodies, body => Start(body, failures));
        foreach (Thread thread in threads)
        {
            bool ended = thread.Join(5 * Eventually.Limit);
            Assert.True(ended || !failures.IsEmpty, "A thread of the test hangs.");
        }

        if (!failures.IsEmpty)
        {
            throw new AggregateException(failures);
        }
    }

    /// <summary>The same body on several threads; it gets the number of its thread.</summary>
    public static void Run(int count, Action<int> body)
    {
        var bodies = new Action[count];
        for (int i = 0; i < count; i++)
        {
            int number = i;
            bodies[i] = () => body(number);
        }

        Run(bodies);
    }

    /// <summary>The same body on several threads that meet; when one fails, the others do not wait for it.</summary>
    public static void Run(int count, Action<int, Rendezvous> body)
    {
        var meeting = new Rendezvous(count);
        Run(count, number =>
        {
            try
            {
                body(number, meeting);
            }
            catch (OperationCanceledException)
            {
                // The thread that has failed says why.
            }
            catch
            {
                meeting.Break();
                throw;
            }
        });
    }

    private static Thread Start(Action body, ConcurrentQueue<Exception> failures)
    {
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception exception)
            {
                // Reported by the thread that runs the test; here it would end the process.
                failures.Enqueue(exception);
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return thread;
    }
}
