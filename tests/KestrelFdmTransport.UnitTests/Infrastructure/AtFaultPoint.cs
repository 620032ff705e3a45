using System;
using System.Threading;
using KestrelFdmTransport.Diagnostics;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// Has a step happen so often, as an <see cref="Action"/> that may throw, until it is disposed. For tests that run
/// alone.
/// </summary>
internal sealed class AtFaultPoint : IDisposable
{
    private readonly FaultPoint _point;
    private readonly Action _event;
    private int _left;
    private int _reached;

    public AtFaultPoint(FaultPoint point, int times, Action @event)
    {
        (_point, _left, _event) = (point, times, @event);
        FaultPoints.Handler = OnReached;
    }

    /// <summary>How often it has happened.</summary>
    public int Reached => Volatile.Read(ref _reached);

#pragma warning disable CA2201, MA0012 // The runtime's own is what is to be thrown.
    public static AtFaultPoint OutOfMemory(FaultPoint point, int times)
        => new(point, times, static () => throw new OutOfMemoryException("This test's."));
#pragma warning restore CA2201, MA0012

    public void Dispose() => FaultPoints.Handler = null;

    private void OnReached(FaultPoint point)
    {
        if (point == _point && Interlocked.Decrement(ref _left) >= 0)
        {
            Interlocked.Increment(ref _reached);
            _event();
        }
    }
}
