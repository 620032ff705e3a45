using System.Text.Json;
using System.Text.Json.Serialization;

namespace HelloFdm;

internal sealed record Greeting(string Message);

internal sealed record UploadResult(long Bytes);

/// <summary>Serializers made at compile time, so that the sample also runs compiled ahead of time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Greeting))]
[JsonSerializable(typeof(UploadResult))]
[JsonSerializable(typeof(LoopsReport))]
[JsonSerializable(typeof(string))]
internal sealed partial class SampleJsonContext : JsonSerializerContext;
