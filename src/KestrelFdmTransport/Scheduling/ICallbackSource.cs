using System;

namespace KestrelFdmTransport.Scheduling;

/// <summary>What a thread runs user code for. Any thread.</summary>
internal interface ICallbackSource
{
    /// <summary>Something unexpected was thrown for the source: it costs the source, not the loop.</summary>
    void Fail(Exception cause);

    /// <summary>What a log calls the source: an id and an endpoint.</summary>
    (string Id, object? EndPoint) Describe();
}
