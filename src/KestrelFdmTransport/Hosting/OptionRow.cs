using System;

namespace KestrelFdmTransport.Hosting;

/// <summary>One option in <see cref="OptionsTable"/>.</summary>
/// <param name="Name">The property, and the key in the configuration.</param>
/// <param name="Get">Reads the value, for the message about one that is not allowed.</param>
internal sealed record OptionRow(string Name, Func<FdmTransportOptions, object?> Get)
{
    /// <summary>
    /// Sets the value from text, and throws a <see cref="FormatException"/> for one that it cannot read. Null for an
    /// option that only code can set.
    /// </summary>
    internal Action<FdmTransportOptions, string?>? Parse { get; init; }

    /// <summary>What the text of the value may be.</summary>
    internal string Text { get; init; } = string.Empty;

    /// <summary>Null if every value of the type is allowed.</summary>
    internal Func<FdmTransportOptions, bool>? IsValid { get; init; }

    /// <summary>Which values are allowed.</summary>
    internal string Allowed { get; init; } = string.Empty;
}
