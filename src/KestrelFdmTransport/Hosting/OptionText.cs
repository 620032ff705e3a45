using System;
using System.Globalization;
using System.IO;

namespace KestrelFdmTransport.Hosting;

/// <summary>Reads the values of options from the text of the configuration.</summary>
/// <remarks>Each method throws a <see cref="FormatException"/> for text that it cannot read.</remarks>
internal static class OptionText
{
    internal const string WholeNumber = "a whole number";
    internal const string TrueOrFalse = "true or false";
    internal const string BytesOrNull = "a number of bytes, or null for no limit";
    internal const string OctalOrNull = "an octal number such as 660, or null for what the umask leaves";

    internal static string Range(int min, int max) => string.Create(CultureInfo.InvariantCulture, $"{min} to {max}");

    internal static int ToInteger(string? text)
        => int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException();

    internal static TimeSpan ToDuration(string? text)
        => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan duration)
            ? duration
            : throw new FormatException();

    internal static bool ToBoolean(string? text)
        => bool.TryParse(text, out bool flag) ? flag : throw new FormatException();

    internal static long? ToSize(string? text)
        => string.IsNullOrEmpty(text) ? null
            : long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long size) ? size
            : throw new FormatException();

    internal static ApplicationScheduling ToScheduling(string? text)
        => Enum.TryParse(text, ignoreCase: true, out ApplicationScheduling scheduling) && Enum.IsDefined(scheduling)
            ? scheduling
            : throw new FormatException();

    internal static UnixFileMode? ToFileMode(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        int mode = 0;
        foreach (char digit in text)
        {
            if (digit is < '0' or > '7' || text.Length > 4)
            {
                throw new FormatException();
            }

            mode = (mode * 8) + digit - '0';
        }

        return (UnixFileMode)mode;
    }
}
