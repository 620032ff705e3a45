using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using KestrelFdmTransport.Endpoints;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Hosting;

/// <summary>
/// The options of single endpoints: the transport's, over them the endpoint's section of the configuration, over both
/// what <c>UseFdm</c> has set.
/// </summary>
/// <remarks>
/// Kestrel gives a transport nothing but an address, and for <c>localhost</c> or after a reload one that it has just
/// made. But it builds the endpoint's middleware first, in the same flow. So options in code travel by a middleware
/// that is not there for connections. An endpoint of the configuration has no such place, and is known by its address.
/// </remarks>
internal sealed class OptionsByEndpoint(FdmTransportOptions transport) : IValidateOptions<KestrelServerOptions>
{
    private const string SectionName = "Fdm";

    /// <summary>What <c>UseFdm</c> has set for the endpoint that this flow binds.</summary>
    private static readonly AsyncLocal<FdmTransportOptions?> s_binding = new();

    private readonly ConditionalWeakTable<ListenOptions, FdmTransportOptions> _inCode = [];
    private KestrelServerOptions? _server;

    /// <summary>Sets options of an endpoint in code.</summary>
    internal void Set(ListenOptions endpoint, Action<FdmEndpointOptions> configure)
    {
        EndPoint address = endpoint.EndPoint;
        if (!ListenSocketFactory.Supports(address))
        {
            throw new InvalidOperationException(
                $"UseFdm has no options for {address}; allowed: IP addresses, Unix sockets and file handles.");
        }

        bool isFirst = !_inCode.TryGetValue(endpoint, out FdmTransportOptions? options);
        options ??= Read(endpoint.KestrelServerOptions, address) ?? transport.Copy();
        configure(options);
        ThrowIfAny(OptionsTable.GetEndpointFailures(
            options, transport, address, name => $"{nameof(FdmEndpointOptions)}.{name} of {address}"));
        if (isFirst)
        {
            _inCode.Add(endpoint, options);
            Attach(endpoint, options);
        }
    }

    /// <summary>The options of an endpoint that is about to be bound; null if it has none of its own.</summary>
    internal FdmTransportOptions? Take(EndPoint address)
    {
        if (s_binding.Value is { } inCode)
        {
            // Threads that start now must not keep it.
            s_binding.Value = null;
            return inCode;
        }

        return Read(_server, address);
    }

    /// <summary>Checks the sections of all endpoints before the first one is bound.</summary>
    public ValidateOptionsResult Validate(string? name, KestrelServerOptions options)
    {
        _server = options;
        foreach (IConfigurationSection endpoint in Endpoints(options).Where(HasOptions))
        {
            foreach (EndPoint address in Addresses(endpoint))
            {
                Read(options, address);
            }

            string? protocols =
                endpoint["Protocols"] ?? options.ConfigurationLoader!.Configuration["EndpointDefaults:Protocols"];
            if (nameof(HttpProtocols.Http3).Equals(protocols, StringComparison.OrdinalIgnoreCase))
            {
                return ValidateOptionsResult.Fail(
                    $"'{endpoint.Path}:Protocols' is '{protocols}', which is not on the FDM transport; allowed with "
                        + $"'{SectionName}': Http1, Http2, Http1AndHttp2 or Http1AndHttp2AndHttp3.");
            }
        }

        return ValidateOptionsResult.Success;
    }

    private static void Attach(ListenOptions endpoint, FdmTransportOptions options)
    {
        endpoint.Use(next =>
        {
            s_binding.Value = options;
            return next;
        });
        ((IMultiplexedConnectionBuilder)endpoint).Use(next => s_binding.Value == options
            ? next
            : throw new InvalidOperationException(
                $"UseFdm has no options for HTTP/3, which is all that {endpoint.EndPoint} has; allowed: protocols with "
                    + "HTTP/1 or HTTP/2."));
    }

    private static IEnumerable<IConfigurationSection> Endpoints(KestrelServerOptions? server)
        => server?.ConfigurationLoader?.Configuration.GetSection("Endpoints").GetChildren() ?? [];

    private static bool HasOptions(IConfigurationSection endpoint)
        => endpoint.GetSection(SectionName).GetChildren().Any();

    /// <summary>The addresses that Kestrel may bind for an endpoint of the configuration.</summary>
    private static EndPoint[] Addresses(IConfigurationSection endpoint)
    {
        try
        {
            var url = BindingAddress.Parse(endpoint["Url"] ?? string.Empty);
            return url.IsNamedPipe ? []
                : url.IsUnixPipe ? [new UnixDomainSocketEndPoint(url.UnixPipePath)]
                : IPAddress.TryParse(url.Host, out IPAddress? address) ? [new IPEndPoint(address, url.Port)]
                : IsLocalhost(url.Host)
                    ? [new IPEndPoint(IPAddress.Loopback, url.Port), new IPEndPoint(IPAddress.IPv6Loopback, url.Port)]
                : [new IPEndPoint(IPAddress.IPv6Any, url.Port), new IPEndPoint(IPAddress.Any, url.Port)];
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            // Kestrel says what is wrong with it.
            return [];
        }
    }

    private static bool IsLocalhost(string host)
        => host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private static void ThrowIfAny(List<string> failures)
    {
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(FdmEndpointOptions), failures);
        }
    }

    /// <summary>Null if the configuration has no options for the address.</summary>
    /// <exception cref="InvalidOperationException">
    /// A value cannot be read, or two endpoints have the address.
    /// </exception>
    /// <exception cref="OptionsValidationException">A value is not allowed.</exception>
    private FdmTransportOptions? Read(KestrelServerOptions? server, EndPoint address)
    {
        IConfigurationSection[] endpoints = Endpoints(server).Any(HasOptions)
            ? [.. Endpoints(server).Where(endpoint => Addresses(endpoint).Contains(address))]
            : [];
        if (!endpoints.Any(HasOptions))
        {
            return null;
        }

        if (endpoints.Length > 1)
        {
            throw new InvalidOperationException(
                $"'{endpoints[0].Path}' and '{endpoints[1].Path}' have the same address, {address}; allowed with "
                    + $"'{SectionName}': an address of its own.");
        }

        FdmTransportOptions options = transport.Copy();
        IConfigurationSection section = endpoints[0].GetSection(SectionName);
        OptionsTable.ApplyToEndpoint(section, options);
        ThrowIfAny(OptionsTable.GetEndpointFailures(
            options, transport, address, name => $"'{section.Path}:{name}'"));
        return options;
    }
}
