using System;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.Conformance.Infrastructure;

internal sealed record LogEntry(string Category, LogLevel Level, EventId Id, string Message, Exception? Exception)
{
    public bool IsFromTransport =>
        Category.StartsWith("Microsoft.AspNetCore.Server.Kestrel.Transport", StringComparison.Ordinal)
        || Category.StartsWith("KestrelFdmTransport", StringComparison.Ordinal);

    /// <summary>Whether this is the event of that name or, for one without a name, begins with that text.</summary>
    public bool Is(string nameOrMessage) =>
        string.Equals(Id.Name, nameOrMessage, StringComparison.Ordinal)
        || Message.StartsWith(nameOrMessage, StringComparison.Ordinal);

    public override string ToString() => $"{Level} {Category}[{Id.Id} {Id.Name}] {Message} {Exception}";
}
