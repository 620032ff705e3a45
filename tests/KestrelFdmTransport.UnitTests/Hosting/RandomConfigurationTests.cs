using System;
using System.IO;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Hosting;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>Every configuration is served or refused with a reason, and nothing hangs or stays behind.</summary>
[Trait("Category", "Slow")]
[Collection(NonParallel.Name)]
public sealed class RandomConfigurationTests
{
    private const int EndPoints = 400;
    private const int Sets = 200;

    /// <summary>More would only start more threads.</summary>
    private const int MostLoops = 4;

    private static readonly IPEndPoint s_loopback = new(IPAddress.Loopback, 0);

    [Fact]
    public async Task An_endpoint_is_served_or_refused_as_by_Sockets()
    {
        using var endPoints = new RandomEndPoint();
        await using var ours = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1, ReplaceStaleUnixSocket = false }),
            NullLoggerFactory.Instance);
        var sockets =
            new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
        await OutcomeAsync(ours, s_loopback);
        await OutcomeAsync(sockets, s_loopback);
        int descriptors = ProcessState.Descriptors();
        int served = 0;
        for (int seed = 0; seed < EndPoints; seed++)
        {
            if (endPoints.Create(seed) is not { } endPoint)
            {
                continue;
            }

            Assert.Equal(sockets.CanBind(endPoint), ours.CanBind(endPoint));
            string expected = await OutcomeAsync(sockets, endPoint);
            string actual = await OutcomeAsync(ours, endPoint);
            Assert.True(
                string.Equals(expected, actual, StringComparison.Ordinal),
                $"Seed {seed}, {endPoint}: {actual} instead of {expected}");
            served += actual.Length == 0 ? 1 : 0;
        }

        Assert.InRange(served, 1, EndPoints);
        Eventually.Until(() => ProcessState.Descriptors() <= descriptors, "the end of all descriptors");
    }

    /// <summary>Apart from the rest: the file that the kernel has made by then, with a shorter name, stays.</summary>
    [Fact]
    public async Task A_path_with_a_null_character_is_refused()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fdm");
        await using var factory = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions { LoopCount = 1 }),
            NullLoggerFactory.Instance);
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(
            () => factory.BindAsync(new UnixDomainSocketEndPoint(folder.FullName + "/a\0b")).AsTask());

        Assert.Contains("Null character", refused.Message, StringComparison.Ordinal);
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Options_are_served_or_refused_by_name()
    {
        await ServeAsync(new FdmTransportOptions { LoopCount = 1 });
        int descriptors = ProcessState.Descriptors();
        for (int seed = 0; seed < Sets; seed++)
        {
            FdmTransportOptions options = RandomOptions.Create(seed);
            ValidateOptionsResult validation = new FdmTransportOptionsValidator().Validate(null, options);
            if (validation.Succeeded)
            {
                options.LoopCount = Math.Min(options.LoopCount, MostLoops);
                string outcome = await ServeAsync(options);
                Assert.True(outcome.Length == 0, $"Seed {seed}: {outcome}");
                continue;
            }

            OptionsValidationException refused = await Assert.ThrowsAsync<OptionsValidationException>(
                () => ServeAsync(options));
            Assert.Equal(validation.Failures, refused.Failures, StringComparer.Ordinal);
            Assert.All(
                refused.Failures,
                failure => Assert.Matches(@"^FdmTransportOptions\.\w+ is \S.*; allowed: ", failure));
        }

        Eventually.Until(() => ProcessState.Descriptors() <= descriptors, "the end of all descriptors");
    }

    private static async Task<string> ServeAsync(FdmTransportOptions options)
    {
        await using var factory = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        return await OutcomeAsync(factory, s_loopback);
    }

    /// <summary>Empty if a client was served, otherwise why the endpoint was refused.</summary>
    private static async Task<string> OutcomeAsync(IConnectionListenerFactory factory, EndPoint endPoint)
    {
        IConnectionListener listener;
        try
        {
            listener = await factory.BindAsync(endPoint).AsTask().Within("a listener or an exception");
        }
        catch (Exception exception) when (exception is not (Xunit.Sdk.XunitException or TimeoutException))
        {
            Assert.NotEmpty(exception.Message);
            return $"{exception.GetType()}: {exception.Message}";
        }

        await using (listener)
        {
            EndPoint bound = listener.EndPoint;
            using var client = new Socket(bound.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await client.ConnectAsync(ToReach(bound)).Within("a connect");
            }
            catch (SocketException exception)
            {
                return $"Cannot be reached: {exception.SocketErrorCode}";
            }

            await using ConnectionContext server = (await listener.AcceptAsync().AsTask().Within("a connection"))!;
            await client.SendAsync(new byte[1]);
            ReadResult result = await server.Transport.Input.ReadAsync().AsTask().Within("a byte");
            Assert.Equal(1, result.Buffer.Length);
            server.Transport.Input.AdvanceTo(result.Buffer.End);
            await server.Transport.Output.WriteAsync(new byte[1]).AsTask().Within("a flush");
            Assert.Equal(1, await client.ReceiveAsync(new byte[1]).Within("the answer"));
            await server.Transport.Input.CompleteAsync();
            await server.Transport.Output.CompleteAsync();
        }

        return "";
    }

    private static EndPoint ToReach(EndPoint bound) => bound switch
    {
        IPEndPoint ip when ip.Address.Equals(IPAddress.Any) => new IPEndPoint(IPAddress.Loopback, ip.Port),
        IPEndPoint ip when ip.Address.Equals(IPAddress.IPv6Any) => new IPEndPoint(IPAddress.IPv6Loopback, ip.Port),
        _ => bound,
    };
}
