using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

#pragma warning disable CA1835 // Every overload is asked, the old ones too.

/// <summary>Something that a stream is asked for. What it answers is compared, so it is a string.</summary>
/// <param name="Name">What a failed comparison calls it.</param>
/// <param name="RunAsync">Does it.</param>
/// <param name="Waits">What it waits for.</param>
/// <param name="Blocks">True if it keeps its thread while it waits.</param>
/// <param name="HasToken">True if it can be cancelled while it waits.</param>
internal sealed record StreamOperation(
    string Name, Func<Stream, CancellationToken, Task<string>> RunAsync, StreamWait Waits, bool Blocks, bool HasToken)
{
    private static readonly byte[] s_large = new byte[16 * 1024 * 1024];
    private static readonly byte[] s_small = [1, 2, 3, 4, 5];

    public static IReadOnlyList<StreamOperation> All { get; } =
    [
        Async("ReadAsync(Memory)", StreamWait.Bytes, async (stream, token) =>
        {
            byte[] buffer = new byte[16];
            return Read(buffer, await stream.ReadAsync(buffer.AsMemory(), token));
        }),
        Async("ReadAsync(Memory) of 4 bytes, twice", StreamWait.Bytes, async (stream, token) =>
        {
            byte[] buffer = new byte[4];
            string first = Read(buffer, await stream.ReadAsync(buffer.AsMemory(), token));
            return first + ", " + Read(buffer, await stream.ReadAsync(buffer.AsMemory(), token));
        }),
        Async("ReadAsync(array)", StreamWait.Bytes, async (stream, token) =>
        {
            byte[] buffer = new byte[16];
            return Read(buffer, await stream.ReadAsync(buffer, 2, 5, token));
        }),
        Async(
            "ReadAsync of nothing",
            StreamWait.Bytes,
            async (stream, token) => Read([], await stream.ReadAsync(Memory<byte>.Empty, token))),
        Async("ReadExactlyAsync", StreamWait.Bytes, async (stream, token) =>
        {
            byte[] buffer = new byte[5];
            await stream.ReadExactlyAsync(buffer, token);
            return Read(buffer, 5);
        }),
        Sync("Read(array)", StreamWait.Bytes, stream =>
        {
            byte[] buffer = new byte[16];
            return Read(buffer, stream.Read(buffer, 1, 7));
        }),
        Sync("Read(Span)", StreamWait.Bytes, stream =>
        {
            byte[] buffer = new byte[16];
            return Read(buffer, stream.Read(buffer.AsSpan()));
        }),
        Sync("ReadByte", StreamWait.Bytes, stream => $"{stream.ReadByte()}"),
        Async("BeginRead", StreamWait.Bytes, hasToken: false, async (stream, _) =>
        {
            byte[] buffer = new byte[16];
            return Read(
                buffer,
                await Task.Factory.FromAsync(stream.BeginRead(buffer, 0, 16, null, null), stream.EndRead));
        }),
        Async("CopyToAsync", StreamWait.End, async (stream, token) =>
        {
            var copy = new MemoryStream();
            await stream.CopyToAsync(copy, token);
            return Read(copy.ToArray(), (int)copy.Length);
        }),
        Sync("CopyTo", StreamWait.End, stream =>
        {
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            return Read(copy.ToArray(), (int)copy.Length);
        }),
        Async("WriteAsync(Memory)", StreamWait.Room, async (stream, token) =>
        {
            await stream.WriteAsync(s_small.AsMemory(), token);
            return "written";
        }),
        Async("WriteAsync(array)", StreamWait.Room, async (stream, token) =>
        {
            await stream.WriteAsync(s_small, 1, 3, token);
            return "written";
        }),
        Async("WriteAsync of nothing", StreamWait.Room, async (stream, token) =>
        {
            await stream.WriteAsync(ReadOnlyMemory<byte>.Empty, token);
            return "written";
        }),
        Async("WriteAsync of much", StreamWait.MuchRoom, async (stream, token) =>
        {
            await stream.WriteAsync(s_large.AsMemory(), token);
            return "written";
        }),
        Sync("Write(array)", StreamWait.Room, stream =>
        {
            stream.Write(s_small, 0, 5);
            return "written";
        }),
        Sync("Write(Span)", StreamWait.Room, stream =>
        {
            stream.Write(s_small.AsSpan());
            return "written";
        }),
        Sync("WriteByte", StreamWait.Room, stream =>
        {
            stream.WriteByte(7);
            return "written";
        }),
        Async("BeginWrite", StreamWait.Room, hasToken: false, async (stream, _) =>
        {
            await Task.Factory.FromAsync(stream.BeginWrite(s_small, 0, 5, null, null), stream.EndWrite);
            return "written";
        }),
        Now("Flush", stream =>
        {
            stream.Flush();
            return null;
        }),
        Async("FlushAsync", StreamWait.Nothing, async (stream, token) =>
        {
            await stream.FlushAsync(token);
            return "flushed";
        }),
        Async("FlushAsync, cancelled before", StreamWait.Nothing, async (stream, _) =>
        {
            await stream.FlushAsync(new CancellationToken(canceled: true));
            return "flushed";
        }),
        Async(
            "ReadAsync, cancelled before",
            StreamWait.Nothing,
            async (stream, _)
                => Read([], await stream.ReadAsync(new byte[1].AsMemory(), new CancellationToken(canceled: true)))),
        Async("WriteAsync, cancelled before", StreamWait.Nothing, async (stream, _) =>
        {
            await stream.WriteAsync(s_small.AsMemory(), new CancellationToken(canceled: true));
            return "written";
        }),
        Async(
            "what it can",
            StreamWait.Nothing,
            (stream, _) => Task.FromResult($"{stream.CanRead} {stream.CanWrite} {stream.CanSeek} {stream.CanTimeout}")),
        Now("ReadTimeout", stream => stream.ReadTimeout),
        Now("WriteTimeout", stream => stream.WriteTimeout),
        Now("ReadTimeout = 5000", stream => (stream.ReadTimeout = 5000, stream.ReadTimeout)),
        Now("ReadTimeout = 0", stream => stream.ReadTimeout = 0),
        Now("ReadTimeout = -2", stream => stream.ReadTimeout = -2),
        Now("ReadTimeout = infinite", stream => (stream.ReadTimeout = Timeout.Infinite, stream.ReadTimeout)),
        Now("WriteTimeout = 5000", stream => (stream.WriteTimeout = 5000, stream.WriteTimeout)),
        Now("WriteTimeout = 0", stream => stream.WriteTimeout = 0),
        Now("Length", stream => stream.Length),
        Now("Position", stream => stream.Position),
        Now("Position = 1", stream => stream.Position = 1),
        Now("Seek", stream => stream.Seek(0, SeekOrigin.Begin)),
        Now("SetLength", stream =>
        {
            stream.SetLength(1);
            return null;
        }),
        Now("ReadAsync(null)", stream => stream.ReadAsync(null!, 0, 0)),
        Now("ReadAsync(-1)", stream => stream.ReadAsync(new byte[4], -1, 1)),
        Now("ReadAsync beyond", stream => stream.ReadAsync(new byte[4], 2, 3)),
        Now("Read(null)", stream => stream.Read(null!, 0, 0)),
        Now("Read beyond", stream => stream.Read(new byte[4], 5, 0)),
        Now("WriteAsync(null)", stream => stream.WriteAsync(null!, 0, 0)),
        Now("WriteAsync beyond", stream => stream.WriteAsync(new byte[4], 1, 4)),
        Now("Write(null)", stream =>
        {
            stream.Write(null!, 0, 0);
            return null;
        }),
        Now("Write(-1)", stream =>
        {
            stream.Write(new byte[4], 0, -1);
            return null;
        }),
        Now("CopyToAsync(null)", stream => stream.CopyToAsync(null!)),
        Now("CopyToAsync of 0 at a time", stream => stream.CopyToAsync(Stream.Null, 0)),
        Now("BeginRead(null)", stream => stream.BeginRead(null!, 0, 0, null, null)),
        Now("EndRead(null)", stream => stream.EndRead(null!)),
        Now("EndWrite(null)", stream =>
        {
            stream.EndWrite(null!);
            return null;
        }),
        Async("Dispose, twice", StreamWait.Nothing, (stream, _) =>
        {
            stream.Dispose();
            stream.Dispose();
            return Task.FromResult($"disposed {stream.CanRead}");
        }),
        Async("Close", StreamWait.Nothing, (stream, _) =>
        {
            stream.Close();
            return Task.FromResult($"disposed {stream.CanWrite}");
        }),
        Async("DisposeAsync", StreamWait.Nothing, async (stream, _) =>
        {
            await stream.DisposeAsync();
            return $"disposed {stream.CanRead}";
        }),
    ];

    public override string ToString() => Name;

    private static string Read(byte[] buffer, int count) => $"read {count}: {string.Join(' ', buffer.Take(10))}";

    private static StreamOperation Async(
        string name, StreamWait waits, Func<Stream, CancellationToken, Task<string>> run)
        => new(name, run, waits, Blocks: false, HasToken: true);

    private static StreamOperation Async(
        string name, StreamWait waits, bool hasToken, Func<Stream, CancellationToken, Task<string>> run)
        => new(name, run, waits, Blocks: false, hasToken);

    private static StreamOperation Now(string name, Func<Stream, object?> run)
        => new(
            name,
            (stream, _) => Task.FromResult(
                $"{run(stream) switch { null => "done", Task => "a task", object other => other }}"),
            StreamWait.Nothing,
            Blocks: false,
            HasToken: false);

    private static StreamOperation Sync(string name, StreamWait waits, Func<Stream, string> run)
        => new(
            name,
            (stream, _) => Task.Factory.StartNew(
                () => run(stream), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default),
            waits,
            Blocks: true,
            HasToken: false);
}
