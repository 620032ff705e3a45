using System.Text.Json.Serialization;

namespace KestrelFdmTransport.Dashboard;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(DashboardReport))]
internal sealed partial class DashboardJson : JsonSerializerContext;
