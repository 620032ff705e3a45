using System;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>Holds the threads that come to a step until it is released.</summary>
#pragma warning disable CA1001 // What it has makes no wait handle, so there is nothing to dispose of.
internal sealed class HeldStep
#pragma warning restore CA1001
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _released = new();

    /// <summary>Completes when a thread is held.</summary>
    public Task Reached => _reached.Task;

    /// <summary>The name of the thread, once it is held.</summary>
    public string Thread { get; private set; } = string.Empty;

    /// <summary>Where the thread is held.</summary>
    public string Stack { get; private set; } = string.Empty;

    public void Enter()
    {
        if (!_reached.Task.IsCompleted)
        {
            Thread = System.Threading.Thread.CurrentThread.Name ?? string.Empty;
            Stack = Environment.StackTrace;
            _reached.TrySetResult();
        }

        _released.Wait();
    }

    public void Release() => _released.Set();
}
