using System;
using System.Threading;

namespace KestrelFdmTransport.Scheduling;

/// <summary>Calls user code.</summary>
internal static class UserCode
{
    internal static void Invoke(Action<object?> callback, object? state, ExecutionContext? context)
    {
        if (context is null)
        {
            callback(state);
        }
        else
        {
            ExecutionContext.Run(
                context,
                static pair
                    => ((Tuple<Action<object?>, object?>)pair!).Item1(((Tuple<Action<object?>, object?>)pair).Item2),
                Tuple.Create(callback, state));
        }
    }

    /// <summary>Fails the source. A log or an exception that throws must not end a thread of ours.</summary>
    internal static void Fail(ICallbackSource source, Exception exception)
    {
        try
        {
            source.Fail(exception);
        }
        catch (Exception)
        {
            // A failure of the log cannot be reported anywhere.
        }
    }

    /// <summary>Sends what the owner has waiting; what user code throws meanwhile costs the owner.</summary>
    internal static void SendDeferred(ICallbackOwner owner)
    {
        try
        {
            owner.SendDeferred();
        }
        catch (Exception exception)
        {
            Fail(owner, exception);
        }
    }
}
