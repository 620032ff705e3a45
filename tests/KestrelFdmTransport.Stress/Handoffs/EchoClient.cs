using System;
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>Sends a stream of its own and compares what comes back.</summary>
internal sealed class EchoClient(TransportLifetime round, int seed) : Client(round, seed)
{
    internal const int HeaderLength = 12;

    private const int MaxChunk = 20_000;

    private readonly byte[] _incoming = new byte[32 * 1024];
    private readonly byte[] _outgoing = new byte[HeaderLength + MaxChunk];
    private int _tag;
    private int _sent;
    private int _received;

    protected override long Progress => (long)_sent + _received;

    public override string ToString() => $"{_sent} bytes sent, {_received} received";

    protected override async Task ConverseAsync(Socket socket, int tag, PlannedClose fate)
    {
        _tag = tag;
        _sent = 0;
        _received = 0;
        int total = Random.Next(20) == 0 ? Random.Next(1_000_000) : Random.Next(50_000);
        int chunk = Random.Next(10) == 0 ? MaxChunk : 1_000;
        int window = Random.Next(4) == 0 ? 100_000 : Random.Next(2_000);
        int resetAt = fate == PlannedClose.ClientResets ? Random.Next(total) : int.MaxValue;
        int header = HeaderLength;
        BinaryPrimitives.WriteInt32LittleEndian(_outgoing, tag);
        BinaryPrimitives.WriteInt32LittleEndian(_outgoing.AsSpan(4), total);
        BinaryPrimitives.WriteInt32LittleEndian(_outgoing.AsSpan(8), (int)fate);
        do
        {
            int length = Math.Min(total - _sent, 1 + Random.Next(chunk));
            TaggedStream.Fill(_outgoing.AsSpan(header, length), tag, _sent);
            await SendAsync(socket, _outgoing.AsMemory(0, header + length));
            header = 0;
            _sent += length;
            if (_sent >= resetAt)
            {
                Reset(socket);
                return;
            }

            while (_received < _sent - window)
            {
                if (!await ReceiveAsync(socket))
                {
                    ReportUnlessBroken(
                        fate,
                        $"Connection {tag} ended after {_received} bytes, of {_sent} of {total} sent.");
                    return;
                }
            }
        }
        while (_sent < total);

        socket.Shutdown(SocketShutdown.Send);
        while (await ReceiveAsync(socket))
        {
        }

        if (_received == total)
        {
            Figures.Complete();
        }
        else
        {
            ReportUnlessBroken(fate, $"Connection {tag} ended after {_received} of {total} bytes.");
        }
    }

    /// <summary>False at the end of the stream.</summary>
    private async ValueTask<bool> ReceiveAsync(Socket socket)
    {
        int count = await socket.ReceiveAsync(_incoming.AsMemory());
        if (count > 0 && !TaggedStream.IsAt(_incoming.AsSpan(0, count), _tag, _received))
        {
            Figures.Report($"Connection {_tag} has received wrong bytes between {_received} and {_received + count}.");
        }

        _received += count;
        Figures.CountBytes(count);
        return count > 0;
    }
}
