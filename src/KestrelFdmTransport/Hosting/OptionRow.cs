using System;
using System.Net;

namespace KestrelFdmTransport.Hosting;

/// <summary>One option in <see cref="OptionsTable"/>.</summary>
/// <param name="Name">The property, and the key in the configuration.</param>
/// <param name="Get">Reads the value, for the message about one that is not allowed.</param>
internal sealed record OptionRow(string Name, Func<FdmTransportOptions, object?> Get)
{
    /// <summary>
    /// Sets the value from text, and throws what .NET's parsers throw for one that it cannot read. Null for an option
    /// that only code can set.
    /// </summary>
    internal Action<FdmTransportOptions, string?>? Parse { get; init; }

    /// <summary>What the text of the value may be.</summary>
    internal string Text { get; init; } = string.Empty;

    /// <summary>Null if every value of the type is allowed.</summary>
    internal Func<FdmTransportOptions, bool>? IsValid { get; init; }

    /// <summary>Which values are allowed.</summary>
    internal string Allowed { get; init; } = string.Empty;

    /// <summary>Null if the option has an effect on every endpoint.</summary>
    internal Func<EndPoint, bool>? HasEffectOn { get; init; }

    /// <summary>What an endpoint must be for the option to have an effect.</summary>
    internal string Scope { get; init; } = string.Empty;
}
