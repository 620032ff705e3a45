using System;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;

namespace KestrelFdmTransport.Conformance.Oracle;

/// <summary>Puts what a party sees into words that do not differ from run to run.</summary>
internal static partial class Observe
{
    public static async Task<string> OutcomeAsync(Func<Task<string>> action)
    {
        try
        {
            return await action().Within();
        }
        catch (Exception exception) when (exception is not Xunit.Sdk.XunitException and not TimeoutException)
        {
            return Describe(exception);
        }
    }

    public static string Outcome(Func<string> action)
    {
        try
        {
            return action();
        }
        catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
        {
            return Describe(exception);
        }
    }

    /// <summary>The types from outside in, the socket errors among them, and the message.</summary>
    public static string Describe(Exception exception)
    {
        string text = exception.GetType().Name;
        if (exception is SocketException socket)
        {
            text += $"({socket.SocketErrorCode})";
        }

        text += $" \"{exception.Message}\"";
        return exception.InnerException is { } inner ? $"{text} <- {Describe(inner)}" : text;
    }

    public static string Describe(LogEntry entry)
    {
        string exception = entry.Exception is { } thrown ? " " + Describe(thrown) : "";
        return $"{entry.Level} {entry.Id.Id} {entry.Id.Name} "
            + $"{ConnectionId().Replace(entry.Message, "\"#\"")}{exception}";
    }

    [GeneratedRegex(
        "\"[0-9A-V]{13}\"", RegexOptions.CultureInvariant
            | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ConnectionId();
}
