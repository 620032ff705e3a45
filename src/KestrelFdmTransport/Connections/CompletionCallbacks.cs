using System;
using System.Collections.Generic;
using System.Threading;
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// The callbacks that an application registered for the completion of the transport's end of a pipe. They run on the
/// pool, in the order of registration.
/// </summary>
internal sealed class CompletionCallbacks
{
    private readonly Lock _lock = new();
    private List<(Action<Exception?, object?> Callback, object? State)> _waiting = [];

    internal void Add(Action<Exception?, object?> callback, object? state)
    {
        using (_lock.Hold())
        {
            _waiting.Add((callback, state));
        }
    }

    /// <summary>Runs the registered callbacks, each once. Any thread, any number of times.</summary>
    internal void Complete(Exception? error)
    {
        List<(Action<Exception?, object?> Callback, object? State)> called;
        using (_lock.Hold())
        {
            called = _waiting;
            _waiting = [];
        }

        if (called.Count > 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static work => Run(work.Called, work.Error), (Called: called, Error: error), preferLocal: false);
        }
    }

    /// <summary>
    /// As with a pipe, all callbacks run even if one throws, and the exceptions are thrown on the pool.
    /// </summary>
    private static void Run(List<(Action<Exception?, object?> Callback, object? State)> called, Exception? error)
    {
        List<Exception>? thrown = null;
        foreach ((Action<Exception?, object?> callback, object? state) in called)
        {
            try
            {
                callback(error, state);
            }
            catch (Exception exception)
            {
                (thrown ??= []).Add(exception);
            }
        }

        if (thrown is not null)
        {
            throw new AggregateException(thrown);
        }
    }
}
