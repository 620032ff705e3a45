using System;
using System.Collections.Immutable;
using System.Threading;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>
/// A transport's number in this process: the lowest that is free. A process which starts and stops many hosts (tests
/// do) has no more numbers than hosts at once.
/// </summary>
internal sealed class TransportNumber : IDisposable
{
    private static ImmutableSortedSet<int> s_taken = [];

    private int _disposed;

    internal TransportNumber()
    {
        ImmutableSortedSet<int> taken;
        do
        {
            taken = Volatile.Read(ref s_taken);
            Value = 0;
            while (taken.Contains(Value))
            {
                Value++;
            }
        }
        while (Interlocked.CompareExchange(ref s_taken, taken.Add(Value), taken) != taken);
    }

    internal int Value { get; }

    /// <summary>Gives the number back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            ImmutableInterlocked.Update(ref s_taken, static (taken, value) => taken.Remove(value), Value);
        }
    }
}
