using System;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

/// <summary>A client that decides about its handshake itself.</summary>
internal sealed class TlsClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly SslStream _tls;

    private TlsClient(Socket socket, Func<Stream, Stream>? wrap)
    {
        _socket = socket;
        var stream = new NetworkStream(socket, ownsSocket: true);
        _tls = new SslStream(wrap is null ? stream : wrap(stream));
    }

    public X509Certificate? ServerCertificate => _tls.RemoteCertificate;

    public SslApplicationProtocol Protocol => _tls.NegotiatedApplicationProtocol;

    public SslProtocols TlsVersion => _tls.SslProtocol;

    public TlsCipherSuite CipherSuite => _tls.NegotiatedCipherSuite;

    /// <summary>Options for a server that shows <paramref name="certificate"/> under <paramref name="host"/>.</summary>
    public static SslClientAuthenticationOptions Trust(
        X509Certificate2 certificate,
        string host = "localhost",
        SslProtocols version = SslProtocols.None)
    {
        var trust = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        trust.CustomTrustStore.Add(certificate);
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            CertificateChainPolicy = trust,
            EnabledSslProtocols = version,
            // What one connection negotiates must not depend on the one before.
            AllowTlsResume = false,
        };
    }

    public static async Task<TlsClient> ConnectAsync(EndPoint endPoint, Func<Stream, Stream>? wrap = null)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endPoint).Within($"a connection to {endPoint}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return new TlsClient(socket, wrap);
    }

    /// <summary>A client that has shaken hands.</summary>
    public static async Task<TlsClient> ConnectAsync(EndPoint endPoint, SslClientAuthenticationOptions options)
    {
        TlsClient client = await ConnectAsync(endPoint);
        try
        {
            await client.HandshakeAsync(options);
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }

        return client;
    }

    public Task HandshakeAsync(SslClientAuthenticationOptions options)
        => _tls.AuthenticateAsClientAsync(options).Within("the TLS handshake");

    public Task SendAsync(string text) => _tls.WriteAsync(Encoding.ASCII.GetBytes(text)).Within("room to send");

    public Task SendCloseNotifyAsync() => _tls.ShutdownAsync().Within("room to send");

    /// <summary>All text until the end; what ends the connection in another way throws.</summary>
    public async Task<string> ReadToEndAsync()
    {
        using var reader = new StreamReader(_tls, Encoding.UTF8, leaveOpen: true);
        return await reader.ReadToEndAsync().Within("the end of the connection");
    }

    /// <summary>
    /// The body of the response to the only request of the connection, by HTTP/1.0, which does not cut it into chunks.
    /// </summary>
    public async Task<string> GetAsync(string path)
    {
        await SendAsync($"GET {path} HTTP/1.0\r\n\r\n");
        string reply = await ReadToEndAsync();
        return reply[(reply.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
    }

    /// <summary>Ends with RST, and without a word of TLS.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Dispose();
    }

    public async ValueTask DisposeAsync() => await _tls.DisposeAsync();
}
