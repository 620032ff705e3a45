using System;
using System.Collections.Generic;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;

namespace KestrelFdmTransport.Conformance.Addresses;

/// <summary>A section Kestrel of a configuration whose endpoints change while the server runs.</summary>
internal sealed class EndpointReload : IDisposable
{
    private readonly Provider _provider = new();
    private readonly ConfigurationRoot _root;

    public EndpointReload(params int[] ports)
    {
        _provider.Put(ports);
        _root = new ConfigurationRoot([_provider]);
    }

    public TestServerSetup Setup(string? expectedError = null) => new()
    {
        EndPoints = [],
        Kestrel = Configure,
        ExpectedError = expectedError,
    };

    public void Configure(KestrelServerOptions kestrel) => kestrel.Configure(_root, reloadOnChange: true);

    /// <summary>Listens on these ports, each by an endpoint of its name, and no more on others.</summary>
    public void Change(params int[] ports)
    {
        _provider.Put(ports);
        _provider.Announce();
    }

    public static IPEndPoint EndPoint(int port) => new(IPAddress.Loopback, port);

    /// <summary>Kestrel does not say when it is done with a change.</summary>
    public static async Task UntilServedAsync(int port)
    {
        while (true)
        {
            try
            {
                using RawClient client = await RawClient.ConnectAsync(EndPoint(port));
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(5);
            }
        }
    }

    public void Dispose() => _root.Dispose();

    private sealed class Provider : MemoryConfigurationProvider
    {
        public Provider()
            : base(new MemoryConfigurationSource())
        {
        }

        public void Put(IEnumerable<int> ports)
        {
            Dictionary<string, string?> data = new(StringComparer.OrdinalIgnoreCase);
            foreach (int port in ports)
            {
                data[$"Endpoints:At{port}:Url"] =
                    string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
            }

            Data = data;
        }

        public void Announce() => OnReload();
    }
}
