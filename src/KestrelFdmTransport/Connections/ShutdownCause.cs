using System;
using System.Threading;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>The first reason given for shutting a connection down.</summary>
internal struct ShutdownCause
{
    private const string GracefulMessage = "The Socket transport's send loop completed gracefully.";

    /// <summary>Marks a graceful end until the exception is asked for, which is rare.</summary>
    private static readonly Exception s_graceful = new ConnectionAbortedException(GracefulMessage);

    private Exception? _reason;

    internal bool IsSet => Volatile.Read(ref _reason) is not null;

    /// <summary>
    /// A new exception for a graceful end, so that stack traces do not pile up; null while there is no reason.
    /// </summary>
    internal Exception? Exception
        => Volatile.Read(ref _reason) is var reason && ReferenceEquals(reason, s_graceful)
            ? new ConnectionAbortedException(GracefulMessage)
            : reason;

    /// <summary>False if there was a reason before.</summary>
    /// <param name="reason">Null for a graceful end.</param>
    internal bool TrySet(Exception? reason)
        => Interlocked.CompareExchange(ref _reason, reason ?? s_graceful, null) is null;

    /// <summary>True if this very exception is the reason.</summary>
    internal bool Is(Exception? exception)
        => exception is not null && ReferenceEquals(Volatile.Read(ref _reason), exception);

    /// <summary>A message may be user code, and the end must come even if it throws.</summary>
    internal static string GetMessage(Exception? reason)
    {
        try
        {
            return reason is null ? GracefulMessage : reason.Message;
        }
        catch (Exception)
        {
            return reason!.GetType().Name;
        }
    }
}
