using System;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Stress.Handoffs;

/// <summary>Sends batches of one to sixteen requests and compares the responses.</summary>
internal sealed class HttpRequests(TransportLifetime round, int seed) : Client(round, seed)
{
    private const int MaxBatch = 16;
    private const int MaxBody = 3_000;

    private readonly byte[] _incoming = new byte[32 * 1024];
    private int _start;
    private int _end;
    private int _asked;
    private int _answered;

    protected override long Progress => _asked + _answered;

    public override string ToString() => $"{_asked} requests sent, {_answered} answered";

    internal static (int Tag, int Number, PlannedClose Fate) Parse(string path)
    {
        string[] parts = path.Split('/');
        return (
            int.Parse(parts[1], CultureInfo.InvariantCulture),
            int.Parse(parts[2], CultureInfo.InvariantCulture),
            Enum.Parse<PlannedClose>(parts[3]));
    }

    /// <summary>Different for every request.</summary>
    internal static byte[] CreateBody(int tag, int number)
    {
        byte[] body = new byte[1 + (HashCode(tag, number) % MaxBody)];
        TaggedStream.Fill(body, tag, number * (long)MaxBody);
        return body;
    }

    protected override async Task ConverseAsync(Socket socket, int tag, PlannedClose fate)
    {
        (_start, _end, _asked, _answered) = (0, 0, 0, 0);
        int total = 1 + Random.Next(100);
        int fatal = fate == PlannedClose.Completes ? int.MaxValue : 1 + Random.Next(total);
        while (_asked < total)
        {
            int batch = Math.Min(total - _asked, 1 + Random.Next(MaxBatch));
            var text = new StringBuilder();
            for (int i = 0; i < batch; i++)
            {
                _asked++;
                PlannedClose told =
                    fate == PlannedClose.ServerAborts && _asked == fatal ? fate : PlannedClose.Completes;
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"GET /{tag}/{_asked}/{told} HTTP/1.1\r\nHost: stress\r\n\r\n");
            }

            byte[] bytes = Encoding.ASCII.GetBytes(text.ToString());
            int first = Random.Next(4) == 0 ? Random.Next(bytes.Length) : bytes.Length;
            await SendAsync(socket, bytes.AsMemory(0, first));
            await SendAsync(socket, bytes.AsMemory(first));
            if (fate == PlannedClose.ClientResets && _asked >= fatal)
            {
                Reset(socket);
                return;
            }

            for (int i = 0; i < batch; i++)
            {
                if (!await ReceiveAsync(socket, tag))
                {
                    ReportUnlessBroken(fate, $"Connection {tag} ended after {_answered} of {_asked} responses.");
                    return;
                }
            }

            Figures.CountRequests(batch);
        }

        Figures.Complete();
        socket.Shutdown(SocketShutdown.Send);
        if (await FillAsync(socket))
        {
            Figures.Report($"Connection {tag} got bytes after its last response.");
        }
    }

    private static int HashCode(int tag, int number) => (int)(((((uint)tag * 7919) + (uint)number) * 2654435761) >> 8);

    /// <summary>False if the connection ended before the response did.</summary>
    private async ValueTask<bool> ReceiveAsync(Socket socket, int tag)
    {
        byte[] body = CreateBody(tag, ++_answered);
        int head;
        while ((head = _incoming.AsSpan(_start.._end).IndexOf("\r\n\r\n"u8)) < 0
            || _end - _start < head + 4 + body.Length)
        {
            if (!await FillAsync(socket))
            {
                _answered--;
                return false;
            }
        }

        string headers = Encoding.ASCII.GetString(_incoming, _start, head);
        _start += head + 4;
        if (!headers.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal)
            || !(headers + "\r\n").Contains($"Content-Length: {body.Length}\r\n", StringComparison.Ordinal)
            || !_incoming.AsSpan(_start, body.Length).SequenceEqual(body))
        {
            Figures.Report($"Connection {tag} got a wrong response to request {_answered}: {headers}");
        }

        _start += body.Length;
        return true;
    }

    /// <summary>False at the end of the stream.</summary>
    private async ValueTask<bool> FillAsync(Socket socket)
    {
        _incoming.AsSpan(_start.._end).CopyTo(_incoming);
        (_start, _end) = (0, _end - _start);
        int count = await socket.ReceiveAsync(_incoming.AsMemory(_end));
        _end += count;
        return count > 0;
    }
}
