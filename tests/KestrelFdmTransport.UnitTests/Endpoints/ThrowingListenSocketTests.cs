using System;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Endpoints;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Endpoints;

/// <summary>A listen socket of the application's own kind that throws whenever it is disposed of.</summary>
public sealed class ThrowingListenSocketTests
{
    [Fact]
    public async Task The_endpoint_ends_without_a_word_if_the_application_disposes_of_it()
    {
        ThrowingSocket? socket = null;
        await using var factory = new FdmTransportFactory(
            Options.Create(new FdmTransportOptions
            {
                LoopCount = 1,
                CreateBoundListenSocket = endPoint =>
                {
                    socket = new ThrowingSocket();
                    socket.Bind(endPoint);
                    return socket;
                },
            }),
            NullLoggerFactory.Instance);
        var listener = (FdmConnectionListener)await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));

        // As the timer does, on whose thread an exception would end the process.
        listener.OnListenSocketDisposed();

        Assert.Null(await listener.AcceptAsync().Within("the end of accepting"));
        Assert.True(socket!.IsDisposed);
        await listener.DisposeAsync().Within("the end of the listener");
    }

    private sealed class ThrowingSocket() : Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
    {
        public bool IsDisposed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            IsDisposed = true;
            if (disposing)
            {
                throw new InvalidOperationException("This test's.");
            }
        }
    }
}
