using System;
using System.Net;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Diagnostics;

/// <summary>
/// Log events. Ids, names and texts 4 to 19 are those of Kestrel's Sockets transport, so that filters keep working.
/// </summary>
internal static partial class Log
{
    [LoggerMessage(4, LogLevel.Debug, @"Connection id ""{ConnectionId}"" paused.", EventName = "ConnectionPause")]
    internal static partial void ConnectionPause(ILogger logger, string connectionId);

    [LoggerMessage(5, LogLevel.Debug, @"Connection id ""{ConnectionId}"" resumed.", EventName = "ConnectionResume")]
    internal static partial void ConnectionResume(ILogger logger, string connectionId);

    [LoggerMessage(
        6, LogLevel.Debug, @"Connection id ""{ConnectionId}"" received FIN.", EventName = "ConnectionReadFin")]
    internal static partial void ConnectionReadFin(ILogger logger, string connectionId);

    [LoggerMessage(
        7,
        LogLevel.Debug,
        @"Connection id ""{ConnectionId}"" sending FIN because: ""{Reason}""",
        EventName = "ConnectionWriteFin")]
    internal static partial void ConnectionWriteFin(ILogger logger, string connectionId, string reason);

    [LoggerMessage(
        8,
        LogLevel.Debug,
        @"Connection id ""{ConnectionId}"" sending RST because: ""{Reason}""",
        EventName = "ConnectionWriteRst")]
    internal static partial void ConnectionWriteRst(ILogger logger, string connectionId, string reason);

    [LoggerMessage(
        14, LogLevel.Debug, @"Connection id ""{ConnectionId}"" communication error.", EventName = "ConnectionError")]
    internal static partial void ConnectionError(ILogger logger, string connectionId, Exception exception);

    [LoggerMessage(19, LogLevel.Debug, @"Connection id ""{ConnectionId}"" reset.", EventName = "ConnectionReset")]
    internal static partial void ConnectionReset(ILogger logger, string connectionId);

    [LoggerMessage(
        0,
        LogLevel.Error,
        "Unexpected exception in FdmConnection.CancelConnectionClosedToken.",
        EventName = "ConnectionClosedCallbackFailed")]
    internal static partial void ConnectionClosedCallbackFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        30,
        LogLevel.Error,
        @"Connection id ""{ConnectionId}"": unexpected exception.",
        EventName = "UnexpectedException")]
    internal static partial void UnexpectedException(ILogger logger, string connectionId, Exception exception);

    [LoggerMessage(
        31,
        LogLevel.Critical,
        "Event loop {Loop} failed; its connections are aborted and the loop is restarted.",
        EventName = "LoopFailed")]
    internal static partial void LoopFailed(ILogger logger, string loop, Exception exception);

    [LoggerMessage(
        40,
        LogLevel.Critical,
        "Event loop {Loop} failed again soon after a restart, or could not be restarted; its connections are aborted, "
            + "the endpoints stop accepting, and the host is stopped.",
        EventName = "LoopGivenUp")]
    internal static partial void LoopGivenUp(ILogger logger, string loop, Exception exception);

    [LoggerMessage(
        41,
        LogLevel.Error,
        "Event loop {Loop}: the cleanup after its failure is incomplete.",
        EventName = "LoopNotEnded")]
    internal static partial void LoopNotEnded(ILogger logger, string loop, Exception exception);

    [LoggerMessage(
        42,
        LogLevel.Error,
        "Event loop {Loop} could not be woken; the wake-up is retried every millisecond.",
        EventName = "WakeUpFailed")]
    internal static partial void WakeUpFailed(ILogger logger, string loop, Exception exception);

    [LoggerMessage(
        33,
        LogLevel.Warning,
        "Accepting on {EndPoint} paused for {Milliseconds} ms: {Reason}. Waiting clients may be rejected.",
        EventName = "AcceptPaused")]
    internal static partial void AcceptPaused(ILogger logger, EndPoint endPoint, long milliseconds, string reason);

    [LoggerMessage(
        34, LogLevel.Warning, "{EndPoint} is served by the Sockets transport: {Reason}", EventName = "ServedBySockets")]
    internal static partial void ServedBySockets(ILogger logger, EndPoint endPoint, string reason);

    [LoggerMessage(
        43,
        LogLevel.Warning,
        "A thread {Thread} could not be started: the process is at its limit of threads (pids.max, ulimit -u) or out "
            + "of memory.",
        EventName = "ThreadNotStarted")]
    internal static partial void ThreadNotStarted(ILogger logger, string thread);

    [LoggerMessage(
        53,
        LogLevel.Debug,
        "{EndPoint} is served by the FDM transport: {Loops} event loop(s), {Scheduling} scheduling; "
            + "fdm.transport={Transport} in metrics.",
        EventName = "ServedByFdm")]
    internal static partial void ServedByFdm(
        ILogger logger, EndPoint endPoint, int loops, string scheduling, int transport);

    [LoggerMessage(
        54,
        LogLevel.Information,
        "The FDM transport serves {EndPoints}: {Loops} event loop(s), {Scheduling} scheduling.",
        EventName = "TransportStarted")]
    internal static partial void TransportStarted(ILogger logger, string endPoints, int loops, string scheduling);

    [LoggerMessage(
        59,
        LogLevel.Warning,
        "Outgoing connections use plain sockets instead of the event loops: {Reason}",
        EventName = "ConnectingBySockets")]
    internal static partial void ConnectingBySockets(ILogger logger, string reason);

    [LoggerMessage(
        60,
        LogLevel.Warning,
        "The keyed {Service} keeps its former implementation instead of the FDM transport: {Reason}",
        EventName = "KeyedFactoryKept")]
    internal static partial void KeyedFactoryKept(ILogger logger, string service, string reason);

    [LoggerMessage(
        36,
        LogLevel.Error,
        "A memory pool threw an exception when blocks were returned or the pool was disposed.",
        EventName = "ReleaseFailed")]
    internal static partial void ReleaseFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        37,
        LogLevel.Debug,
        @"Connection id ""{ConnectionId}"" on {EndPoint} held {Loop} for {Milliseconds} ms ({Kind}); "
            + "another thread has taken over the loop. {Suppressed} similar messages were suppressed.",
        EventName = "LoopStalled")]
    internal static partial void LoopStalled(
        ILogger logger,
        string connectionId,
        object? endPoint,
        string loop,
        long milliseconds,
        string kind,
        long suppressed);

    [LoggerMessage(
        38,
        LogLevel.Warning,
        "{Count} callbacks are stalled, which is the limit MaxStandbyThreads. No application code runs on the event "
            + "loops until half of them have returned.",
        EventName = "StandbysExhausted")]
    internal static partial void StandbysExhausted(ILogger logger, int count);

    [LoggerMessage(
        39,
        LogLevel.Debug,
        @"Connection id ""{ConnectionId}"" timed out: no byte was received or sent for {Timeout}.",
        EventName = "ConnectionTimedOut")]
    internal static partial void ConnectionTimedOut(ILogger logger, string connectionId, TimeSpan timeout);

    [LoggerMessage(
        35,
        LogLevel.Error,
        "Accepting on {EndPoint} failed unexpectedly and is paused; it is retried.",
        EventName = "AcceptFailed")]
    internal static partial void AcceptFailed(ILogger logger, EndPoint endPoint, Exception exception);
}
