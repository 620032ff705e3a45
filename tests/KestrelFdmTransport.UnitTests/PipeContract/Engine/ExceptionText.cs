using System;
using System.Threading;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Puts into words what must be the same about two exceptions.</summary>
internal static class ExceptionText
{
    public const string EndError = "the error that the other end completed with";

    public static string Of(Exception exception, CancellationToken token)
        => exception is OperationCanceledException cancelled
        ? $"{Describe(exception)} ({(cancelled.CancellationToken == token ? "its own" : "another")} token)"
        : Describe(exception);

    private static string Describe(Exception exception) => $"{exception.GetType()}: {exception.Message}";
}
