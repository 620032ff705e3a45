using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>However the calls are ordered, Kestrel asks our transport first and Sockets for the rest.</summary>
public sealed class RegistrationOrderTests
{
    /// <summary>Every order of every set of calls that has one of ours.</summary>
    public static TheoryData<string> Calls { get; } =
    [
        .. from calls in Orders(["Kestrel", "Sockets", "Fdm", "FdmWithOptions"])
           where calls.Contains("Kestrel", StringComparer.Ordinal)
           where calls.Any(call => call.StartsWith("Fdm", StringComparison.Ordinal))
           select string.Join(' ', calls),
        "Kestrel Fdm Fdm",
        "Fdm Kestrel Fdm",
        "Fdm Sockets Kestrel FdmWithOptions Sockets",
        "Services Kestrel",
        "Kestrel Services",
        "Services Sockets Kestrel",
        "Kestrel Sockets Services Fdm",
    ];

    [Theory]
    [MemberData(nameof(Calls))]
    public void On_a_web_application(string calls)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        Apply(builder.WebHost, calls);
        using WebApplication application = builder.Build();

        AssertRegistered(application.Services, calls);
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public void On_a_generic_host(string calls)
    {
        using IHost host = new HostBuilder().ConfigureWebHost(webHost => Apply(webHost.Configure(_ => { }), calls))
            .Build();

        AssertRegistered(host.Services, calls);
    }

    /// <summary>What an application may have done to the services before it calls us.</summary>
    public static TheoryData<string> Before { get; } =
    [
        "factory",
        "factory object",
        "keyed factory",
        "factory for Kestrel",
        "another for Kestrel",
        "Fdm, none for Kestrel",
        "Fdm, another for Kestrel",
        "Fdm, no factory",
        "factory, Fdm, none for Kestrel",
        "Fdm, factory",
    ];

    [Theory]
    [MemberData(nameof(Before))]
    public void Earlier_registrations_do_not_matter(string steps)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        IServiceCollection services = builder.Services;
        builder.WebHost.UseKestrelCore();
        foreach (string step in steps.Split(", "))
        {
            switch (step)
            {
                case "Fdm":
                    builder.WebHost.UseFdmTransport();
                    break;
                case "factory":
                    services.AddSingleton<FdmTransportFactory>();
                    break;
                case "factory object":
                    services.AddSingleton(
                        new FdmTransportFactory(Options.Create(new FdmTransportOptions()), NullLoggerFactory.Instance));
                    break;
                case "keyed factory":
                    services.AddKeyedSingleton<FdmTransportFactory>("other");
                    break;
                case "factory for Kestrel":
                    services.AddSingleton<IConnectionListenerFactory, FdmTransportFactory>();
                    break;
                case "another for Kestrel":
                    services.AddSingleton<IConnectionListenerFactory, OtherTransport>();
                    break;
                case "none for Kestrel":
                    services.RemoveAll<IConnectionListenerFactory>();
                    break;
                default:
                    services.RemoveAll<FdmTransportFactory>();
                    break;
            }
        }

        builder.WebHost.UseFdmTransport();
        using WebApplication application = builder.Build();

        AssertRegistered(application.Services, steps);
    }

    [Fact]
    public void On_the_default_builder()
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder();
        builder.WebHost.UseFdmTransport();
        using WebApplication application = builder.Build();

        AssertRegistered(application.Services, "Fdm");
    }

    [Fact]
    public void The_builder_is_returned()
    {
        IWebHostBuilder webHost = WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).WebHost;

        Assert.Same(webHost, webHost.UseFdmTransport());
        Assert.Same(webHost, webHost.UseFdmTransport(_ => { }));
    }

    [Fact]
    public void Nothing_is_not_a_builder_and_not_a_delegate()
    {
        IWebHostBuilder webHost = WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).WebHost;

        Assert.Throws<ArgumentNullException>("hostBuilder", () => WebHostBuilderFdmExtensions.UseFdmTransport(null!));
        Assert.Throws<ArgumentNullException>(
            "hostBuilder",
            () => WebHostBuilderFdmExtensions.UseFdmTransport(null!, _ => { }));
        Assert.Throws<ArgumentNullException>("configureOptions", () => webHost.UseFdmTransport(null!));
    }

    private static void Apply(IWebHostBuilder webHost, string calls)
    {
        foreach (string call in calls.Split(' '))
        {
            _ = call switch
            {
                "Kestrel" => webHost.UseKestrel(),
                "Sockets" => webHost.UseSockets(),
                "Fdm" => webHost.UseFdmTransport(),
                "Services" => webHost.ConfigureServices(services => services.AddFdmTransport()),
                _ => webHost.UseFdmTransport(options => options.LoopCount = 3),
            };
        }
    }

    private static void AssertRegistered(IServiceProvider services, string calls)
    {
        IConnectionListenerFactory[] factories = [.. services.GetServices<IConnectionListenerFactory>()];

        Assert.Same(
            services.GetRequiredService<FdmTransportFactory>(),
            Assert.Single(factories.OfType<FdmTransportFactory>()));
        Assert.True(factories[^1] is FdmTransportFactory, $"After {calls}, {factories[^1].GetType().Name} comes last.");
        Assert.Contains(
            factories[..^1],
            factory => string.Equals(factory.GetType().Name, "SocketTransportFactory", StringComparison.Ordinal));
    }

    private static IEnumerable<IEnumerable<string>> Orders(string[] calls)
        => from first in calls
           let others = Array.FindAll(calls, call => !string.Equals(call, first, StringComparison.Ordinal))
           from rest in Orders(others).Prepend([])
           select rest.Prepend(first);

    private sealed class OtherTransport : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(
            EndPoint endpoint,
            CancellationToken cancellationToken = default)
            => throw new NotSupportedException();
    }
}
