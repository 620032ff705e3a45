using System;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;
using KestrelFdmTransport.Stress.Handoffs;

namespace KestrelFdmTransport.Stress.Soak;

/// <summary>Batches of pipelined requests; the responses have to come in order.</summary>
internal sealed class PipelineScenario(SoakServer server, SoakCounters figures, Random random)
    : ClientScenario(server, figures, random)
{
    private const int MaxBatches = 20;
    private const int MaxBatch = 16;
    private const int MaxLength = 3_000;

    private readonly byte[] _incoming = new byte[32 * 1024];
    private int _start;
    private int _end;

    internal override async Task RunAsync()
    {
        using Socket socket = await ConnectAsync(Server.Clear);
        int batches = 1 + Random.Next(MaxBatches);
        for (int i = 0; i < batches; i++)
        {
            (int Tag, int Length)[] batch = new (int, int)[1 + Random.Next(MaxBatch)];
            var text = new StringBuilder();
            foreach (ref (int Tag, int Length) request in batch.AsSpan())
            {
                request = (NextTag(), Random.Next(MaxLength));
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"GET {Path(SoakRoutes.Plain, request.Tag, request.Length)} HTTP/1.1\r\nHost: soak\r\n\r\n");
            }

            byte[] bytes = Encoding.ASCII.GetBytes(text.ToString());
            int cut = Random.Next(bytes.Length);
            await SendAsync(socket, bytes.AsMemory(0, cut));
            await SendAsync(socket, bytes.AsMemory(cut));
            foreach ((int tag, int length) in batch)
            {
                await ReceiveAsync(socket, tag, length);
                Figures.CountRequest(length);
            }
        }

        socket.Shutdown(SocketShutdown.Send);
        if (await socket.ReceiveAsync(_incoming.AsMemory()) != 0 || _start != _end)
        {
            Figures.Report("Bytes came after the last of the pipelined responses.");
        }
    }

    private async Task ReceiveAsync(Socket socket, int tag, int length)
    {
        int head;
        while ((head = _incoming.AsSpan(_start.._end).IndexOf("\r\n\r\n"u8)) < 0 || _end - _start < head + 4 + length)
        {
            _incoming.AsSpan(_start.._end).CopyTo(_incoming);
            (_start, _end) = (0, _end - _start);
            int count = await socket.ReceiveAsync(_incoming.AsMemory(_end));
            if (count == 0)
            {
                throw new SocketException((int)SocketError.ConnectionReset);
            }

            _end += count;
        }

        string headers = Encoding.ASCII.GetString(_incoming, _start, head) + "\r\n";
        _start += head + 4;
        if (!headers.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal)
            || !headers.Contains($"{SoakRoutes.TagHeader}: {tag}\r\n", StringComparison.Ordinal)
            || !headers.Contains($"Content-Length: {length}\r\n", StringComparison.Ordinal)
            || !TaggedStream.IsAt(_incoming.AsSpan(_start, length), tag, 0))
        {
            Figures.Report($"The pipelined request {tag} got a wrong response: {headers}");
        }

        _start += length;
    }
}
