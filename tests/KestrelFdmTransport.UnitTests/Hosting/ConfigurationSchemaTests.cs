using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using KestrelFdmTransport.Hosting;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>The schema by which editors complete appsettings.json.</summary>
public sealed class ConfigurationSchemaTests
{
    public static TheoryData<string> Keys { get; } = [.. OptionsTable.ConfigurableNames];

    [Fact]
    public void It_has_every_key_and_no_other()
        => Assert.Equal(
            OptionsTable.ConfigurableNames.Order(StringComparer.Ordinal),
            Options().EnumerateObject().Select(option => option.Name).Order(StringComparer.Ordinal),
            StringComparer.Ordinal);

    [Fact]
    public void The_section_of_an_endpoint_has_every_key_that_may_differ_and_no_other()
        => Assert.Equal(
            OptionsTable.ConfigurableEndpointNames.Order(StringComparer.Ordinal),
            EndpointOptions().EnumerateObject().Select(option => option.Name).Order(StringComparer.Ordinal),
            StringComparer.Ordinal);

    /// <summary>Without the default, which is what the transport has.</summary>
    [Fact]
    public void A_key_of_an_endpoint_is_as_that_of_the_transport()
    {
        foreach (JsonProperty option in EndpointOptions().EnumerateObject())
        {
            JsonObject expected = JsonObject.Create(Options().GetProperty(option.Name))!;
            expected.Remove("default");
            Assert.True(JsonNode.DeepEquals(expected, JsonObject.Create(option.Value)), option.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void Its_default_is_the_option_s(string key)
    {
        PropertyInfo property = typeof(FdmTransportOptions).GetProperty(key)!;
        if (!Options().GetProperty(key).TryGetProperty("default", out JsonElement value))
        {
            // It depends on the machine.
            Assert.Equal(nameof(FdmTransportOptions.LoopCount), key);
            return;
        }

        FdmTransportOptions read = HostedOptions.Read(host => host.UseFdmTransport(), (key, value.ToString()));

        Assert.Equal(property.GetValue(new FdmTransportOptions()), property.GetValue(read));
    }

    private static JsonElement Options() => Kestrel().GetProperty("FdmTransport").GetProperty("properties");

    private static JsonElement EndpointOptions()
        => Kestrel().GetProperty("Endpoints").GetProperty("additionalProperties").GetProperty("properties")
            .GetProperty("Fdm").GetProperty("properties");

    private static JsonElement Kestrel()
    {
        string path = Path.Combine(Repository.Root, "src", "KestrelFdmTransport", "ConfigurationSchema.json");
        return JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("properties").GetProperty("Kestrel")
            .GetProperty("properties");
    }
}
