using System;
using System.IO;
using System.Net;
using System.Reflection;
using System.Threading.Tasks;
using KestrelFdmTransport.Hosting;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// Each option of an endpoint at its extremes: as for the whole transport, and refused where it has no effect.
/// </summary>
public sealed class EndpointOptionExtremesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fdm");

    public static TheoryData<string, bool> Cases
    {
        get
        {
            TheoryData<string, bool> cases = [];
            foreach (PropertyInfo option in typeof(FdmEndpointOptions).GetProperties())
            {
                cases.Add(option.Name, true);
                cases.Add(option.Name, false);
            }

            return cases;
        }
    }

    private string UnixPath => Path.Combine(_folder.FullName, "s");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task In_code_every_value_is_refused_by_name_or_served(string name, bool isUnix)
    {
        PropertyInfo option = typeof(FdmEndpointOptions).GetProperty(name)!;
        foreach (object? value in OptionExtremes.ValuesOf(option))
        {
            void Listen(ListenOptions listen) => listen.UseFdm(options => option.SetValue(options, value));
            Exception? failure = await StartAsync(kestrel =>
            {
                if (isUnix)
                {
                    kestrel.ListenUnixSocket(UnixPath, Listen);
                }
                else
                {
                    kestrel.Listen(IPAddress.Loopback, 0, Listen);
                }
            });

            AssertAsForTheTransport(option, value, failure);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task From_configuration_every_value_is_refused_by_name_or_served(string name, bool isUnix)
    {
        PropertyInfo option = typeof(FdmEndpointOptions).GetProperty(name)!;
        string url = isUnix ? $"http://unix:{UnixPath}" : "http://127.0.0.1:0";
        foreach (object? value in OptionExtremes.ValuesOf(option))
        {
            if (OptionExtremes.TextOf(value) is { } text)
            {
                AssertAsForTheTransport(
                    option,
                    value,
                    await StartAsync(null, ("Endpoints:A:Url", url), ($"Endpoints:A:Fdm:{name}", text)));
            }
        }

        foreach (string text in OptionExtremes.TextsBeyond(option))
        {
            Exception? failure =
                await StartAsync(null, ("Endpoints:A:Url", url), ($"Endpoints:A:Fdm:{name}", text));
            Assert.IsType<InvalidOperationException>(failure);
            Assert.StartsWith($"'Kestrel:Endpoints:A:Fdm:{name}' is", failure.Message, StringComparison.Ordinal);
        }
    }

    private static async Task<Exception?> StartAsync(
        Action<KestrelServerOptions>? kestrel, params (string Key, string Value)[] configuration)
        => await Record.ExceptionAsync(async () =>
        {
            await using EndpointServer server = await EndpointServer.StartAsync(kestrel, configuration);
            Assert.Single(server.Endpoints);
        });

    private static void AssertAsForTheTransport(PropertyInfo option, object? value, Exception? failure)
    {
        if (failure is not null)
        {
            Assert.True(failure is OptionsValidationException or InvalidOperationException, $"{failure}");
            Assert.Contains(option.Name, failure.Message, StringComparison.Ordinal);
            Assert.Matches("; allowed: |is not an option of an endpoint. Options: ", failure.Message);
        }

        var options = new FdmTransportOptions();
        option.SetValue(options, value);
        if (!new FdmTransportOptionsValidator().Validate(null, options).Succeeded)
        {
            Assert.NotNull(failure);
        }
        else if (failure is not null)
        {
            Assert.Contains(", because ", failure.Message, StringComparison.Ordinal);
        }
    }
}
