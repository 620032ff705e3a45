using System;
using System.IO;
using System.IO.Pipelines;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// Each option at its extremes, in code and from configuration: refused by name when the host starts, or served.
/// </summary>
public sealed class OptionExtremesTests : IDisposable
{
    private const int Bytes = 100_000;

    /// <summary>More wake-ups than an idle transport has in that time; a loop that spins has thousands.</summary>
    private const int WakeUps = 50;

    private static readonly TimeSpan s_window = TimeSpan.FromMilliseconds(50);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fdm");

    public static TheoryData<string> Names => [.. OptionExtremes.Properties.Select(option => option.Name)];

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task In_code_every_value_is_refused_by_name_or_served(string name)
    {
        PropertyInfo option = OptionOf(name);
        foreach (object? value in OptionExtremes.ValuesOf(option))
        {
            var options = new FdmTransportOptions { LoopCount = 1 };
            option.SetValue(options, value);
            try
            {
                await ServeAsync(options);
            }
            catch (OptionsValidationException refused)
            {
                Assert.Contains(refused.Failures, failure => failure.Contains(name, StringComparison.Ordinal));
                Assert.All(
                    refused.Failures,
                    failure => Assert.Matches(@"^FdmTransportOptions\.\w+ is \S.*; allowed: \S", failure));
            }
            catch (Exception exception)
            {
                Assert.Fail($"{name} = {value ?? "null"}: {exception}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task From_configuration_every_value_is_as_in_code(string name)
    {
        PropertyInfo option = OptionOf(name);
        foreach (object? value in OptionExtremes.ValuesOf(option))
        {
            if (OptionExtremes.TextOf(value) is not { } text)
            {
                continue;
            }

            var options = new FdmTransportOptions();
            option.SetValue(options, value);
            if (new KestrelFdmTransport.Hosting.FdmTransportOptionsValidator().Validate(null, options).Succeeded)
            {
                await HostedOptions.StartAsync(host => host.UseFdmTransport(), (name, text));
                Assert.Equal(value, option.GetValue(HostedOptions.Read(host => host.UseFdmTransport(), (name, text))));
            }
            else
            {
                await AssertRefusedAsync(name, text);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task From_configuration_what_is_beyond_the_type_is_refused_by_name(string name)
    {
        foreach (string text in OptionExtremes.TextsBeyond(OptionOf(name)))
        {
            await AssertRefusedAsync(name, text);
        }
    }

    private static PropertyInfo OptionOf(string name)
        => OptionExtremes.Properties.Single(option => string.Equals(option.Name, name, StringComparison.Ordinal));

    private static async Task AssertRefusedAsync(string name, string text)
    {
        Exception? refused = await Record.ExceptionAsync(
            () => HostedOptions.StartAsync(host => host.UseFdmTransport(), (name, text)));

        Assert.True(refused is OptionsValidationException or InvalidOperationException, $"{name}={text}: {refused}");
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
        Assert.Matches("; allowed: |is not an option of the FDM transport. Options: ", refused.Message);
    }

    /// <summary>
    /// Serves a client, a silent connection and an outgoing one, and then waits until the loops are idle.
    /// </summary>
    private async Task ServeAsync(FdmTransportOptions options)
    {
        await using var transport = new FdmTransportFactory(Options.Create(options), NullLoggerFactory.Instance);
        await using var connections = new FdmConnectionFactory(transport);
        foreach (EndPoint endPoint
            in new EndPoint[] { new IPEndPoint(IPAddress.Loopback, 0), new UnixDomainSocketEndPoint(
                Path.Combine(_folder.FullName, "s")) })
        {
            await using IConnectionListener listener = await transport.BindAsync(endPoint);
            if (endPoint is UnixDomainSocketEndPoint
                && options.UnixSocketFileMode == UnixFileMode.None
                && !Environment.IsPrivilegedProcess)
            {
                continue;
            }

            using var silent = await ConnectAsync(listener.EndPoint);
            await using ConnectionContext idle = await AcceptAsync(listener);
            using Socket client = await ConnectAsync(listener.EndPoint);
            await using ConnectionContext server = await AcceptAsync(listener);
            Task echo = EchoAsync(server);
            using var stream = new NetworkStream(client);
            Task sent = stream.WriteAsync(new byte[Bytes]).AsTask();
            await stream.ReadExactlyAsync(new byte[Bytes]).AsTask().Within("the bytes that were sent");
            await sent.Within("the end of sending");

            if (await OpenAsync(connections, listener, options) is { } opened)
            {
                await using (opened)
                {
                    await using ConnectionContext accepted = await AcceptAsync(listener);
                    Task answers = EchoAsync(accepted);
                    await opened.Transport.Output.WriteAsync(new byte[Bytes]).AsTask().Within("a flush");
                    ReadResult result = await opened.Transport.Input.ReadAtLeastAsync(1).AsTask().Within("an answer");
                    Assert.False(result.Buffer.IsEmpty);
                    opened.Transport.Input.AdvanceTo(result.Buffer.End);
                    await RestAsync(transport, opened);
                    opened.Abort();
                    await answers.Within("the end of the answers");
                }
            }

            client.Shutdown(SocketShutdown.Send);
            await echo.Within("the end of the echo");
        }
    }

    /// <summary>Null if the time to connect was too short, which it may be.</summary>
    private static async Task<ConnectionContext?> OpenAsync(
        FdmConnectionFactory connections, IConnectionListener listener, FdmTransportOptions options)
    {
        try
        {
            return await connections.ConnectAsync(listener.EndPoint).AsTask().Within("a connection of our own");
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.TimedOut
            && options.ConnectTimeout < TimeSpan.FromSeconds(1))
        {
            return null;
        }
    }

    /// <summary>All loops become idle, with idle connections.</summary>
    private static async Task RestAsync(FdmTransportFactory transport, ConnectionContext opened)
    {
        // What is left of the answer.
        while (opened.Transport.Input.TryRead(out ReadResult rest) && !rest.IsCompleted)
        {
            opened.Transport.Input.AdvanceTo(rest.Buffer.End);
        }

        using var limit = new System.Threading.CancellationTokenSource(Eventually.Limit);
        long before;
        do
        {
            before = transport.GetLoopStatistics().Sum(loop => loop.EpollWaits);
            await Task.Delay(s_window, limit.Token);
            while (opened.Transport.Input.TryRead(out ReadResult rest) && !rest.IsCompleted)
            {
                opened.Transport.Input.AdvanceTo(rest.Buffer.End);
            }
        }
        while (transport.GetLoopStatistics().Sum(loop => loop.EpollWaits) - before > WakeUps);
    }

    private static async Task<Socket> ConnectAsync(EndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(endPoint).Within("a connect");
        return socket;
    }

    private static async Task<ConnectionContext> AcceptAsync(IConnectionListener listener)
        => (await listener.AcceptAsync().AsTask().Within("an accepted connection"))!;

    private static async Task EchoAsync(ConnectionContext connection)
    {
        try
        {
            ReadResult result;
            do
            {
                result = await connection.Transport.Input.ReadAsync();
                foreach (ReadOnlyMemory<byte> part in result.Buffer)
                {
                    await connection.Transport.Output.WriteAsync(part);
                }

                connection.Transport.Input.AdvanceTo(result.Buffer.End);
            }
            while (!result.IsCompleted);
        }
        catch (Exception exception)
            when (exception is IOException or ConnectionAbortedException or ConnectionResetException)
        {
            // Its client or its idle timeout has ended it.
        }
    }
}
