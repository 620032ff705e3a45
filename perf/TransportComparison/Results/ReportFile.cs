using System.IO;
using System.Text.Json;

namespace KestrelFdmTransport.TransportComparison.Results;

/// <summary>A report as JSON.</summary>
internal static class ReportFile
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    internal static Report Read(FileInfo file)
        => JsonSerializer.Deserialize<Report>(File.ReadAllText(file.FullName), s_options)
            ?? throw new InvalidDataException($"{file} holds no report.");

    internal static void Write(Report report, FileInfo file)
        => File.WriteAllText(file.FullName, JsonSerializer.Serialize(report, s_options));
}
