using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Conformance.Fdm.Client;

/// <summary>
/// A state, an operation in it, and an ending if the operation waits: what comes of it on .NET's stream and on ours.
/// </summary>
internal sealed class StreamCase(StreamState state, StreamOperation operation, StreamEnding ending)
{
    private const string TooEarly = " too early ";
    private const string OwnEnd = "IOException (SocketException OperationAborted)";
    private const string OwnEndBlocking = "IOException (SocketException ConnectionAborted)";

    /// <summary>A thread that is about to block in a call cannot be seen to do so.</summary>
    private static readonly TimeSpan s_untilBlocked = TimeSpan.FromMilliseconds(100);

    private static readonly byte[] s_large = new byte[16 * 1024 * 1024];
    private static readonly byte[] s_ten = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

    /// <summary>
    /// False where .NET's own answer depends on which of its threads is quicker, or the case makes no sense.
    /// </summary>
    public bool IsDecided => operation.Name switch
    {
        // Whether it sees the end of the connection, bytes that another read takes, or nothing.
        "ReadAsync of nothing" => !Waits(operation.Waits) || (ending == StreamEnding.PeerHalfCloses && !ReadWaits),
        "WriteAsync of nothing" => state is not (StreamState.PeerReset or StreamState.DataThenReset),

        // The second part finds a stream that has been disposed of or not yet.
        "ReadAsync(Memory) of 4 bytes, twice" => ending
            is not (StreamEnding.DisposeElsewhere or StreamEnding.PeerReads or StreamEnding.PeerResets) && !ReadWaits,
        _ => true,
    };

    private bool ReadWaits => state is StreamState.ReadWaiting or StreamState.BothWaiting;

    private bool WriteWaits => state is StreamState.WriteWaiting or StreamState.BothWaiting;

    /// <summary>Two sides wait for the same reset, and one of them gets it.</summary>
    private bool SharesReset => ending == StreamEnding.PeerResets && (ReadWaits || WriteWaits);

    public override string ToString() => $"{state}, {operation.Name}, {ending}";

    /// <summary>Null if both streams did the same; otherwise the difference.</summary>
    public async Task<string?> CompareAsync(FdmConnectionFactory factory)
    {
        List<string> expected = await RunAsync(factory: null);
        List<string> actual = await RunAsync(factory);
        string want = string.Join("; ", expected);
        string have = string.Join("; ", actual);
        return string.Equals(want, have, StringComparison.Ordinal) ? null : $"{this}:\n   .NET: {want}\n   ours: "
            + $"{have}";
    }

    /// <summary>
    /// Does the case again if a thread that blocks came to its call only after the stream had been disposed of, or if
    /// an operation of several reads was between two of them at that moment. Also if one that waits was over before the
    /// end: on a busy machine the kernel may still find room for it.
    /// </summary>
    private async Task<List<string>> RunAsync(FdmConnectionFactory? factory)
    {
        for (int i = 0; ; i++)
        {
            List<string> seen = await TryRunAsync(factory);
            bool comesLate = (operation.Blocks || operation.Waits == StreamWait.End) && state != StreamState.Disposed
                && seen.Exists(line => line.Contains(nameof(ObjectDisposedException), StringComparison.Ordinal));
            bool endsEarly = i < 3 && seen.Exists(line => line.Contains(TooEarly, StringComparison.Ordinal));
            if (i == 20 || (!comesLate && !endsEarly))
            {
                return seen;
            }
        }
    }

    private async Task<List<string>> TryRunAsync(FdmConnectionFactory? factory)
    {
        StreamUnderTest test = await StreamUnderTest.OpenAsync(factory);
        using var cancellation = new CancellationTokenSource();
        List<string> seen = [];
        List<(string Name, StreamWait Waits, bool HasToken, Task<string> Task)> running =
            Prepare(test, cancellation.Token);
        running.Add(
            ("it", operation.Waits, operation.HasToken, OutcomeAsync(
                () => operation.RunAsync(test.Stream, cancellation.Token),
                cancellation.Token)));

        bool disposed = operation.Name.StartsWith("Dispose", StringComparison.Ordinal) || operation.Name is "Close";
        await TakeAsync("at once", (name, waits, _) => (name is "it" && !Waits(waits)) || disposed);
        if (running.Count > 0)
        {
            if (operation.Blocks && Waits(operation.Waits))
            {
                await Task.Delay(s_untilBlocked);
            }

            Task ended = EndAsync(test, cancellation);
            disposed |= ending == StreamEnding.DisposeElsewhere;
            await TakeAsync("then", (name, waits, hasToken) => Ends(name, waits, hasToken));
            await ended;
        }

        test.Stream.Dispose();
        disposed = true;
        await TakeAsync("disposed", (_, _, _) => true);
        await test.DrainAsync();
        test.Peer.Dispose();
        return seen;

        async Task TakeAsync(string when, Func<string, StreamWait, bool, bool> isOver)
        {
            foreach ((string name, StreamWait waits, bool hasToken, Task<string> task) in running.ToArray())
            {
                if (isOver(name, waits, hasToken))
                {
                    string outcome = await task.Within($"{name} {when} of {this}");
                    if (name is not "it" || when is not "at once")
                    {
                        outcome = Normalised(name, outcome, disposed, isOracle: factory is null);
                    }

                    seen.Add($"{name} {when}: {outcome}");
                    running.RemoveAll(one => one.Task == task);
                }
                else if (task.IsCompleted)
                {
                    seen.Add($"{name}{TooEarly}{when}: {await task}");
                    running.RemoveAll(one => one.Task == task);
                }
            }
        }
    }

    /// <summary>
    /// .NET shuts its socket down before it closes it, so a waiting call may see either; ours always sees the close. A
    /// reset is reported to one side only, on either stream.
    /// </summary>
    private string Normalised(string name, string outcome, bool disposed, bool isOracle)
    {
        bool blocks = name is "it" && operation.Blocks;
        bool mayRead = name is "it" && operation.Waits == StreamWait.End;
        if (disposed && isOracle
            && (outcome.StartsWith(mayRead ? "read" : "read 0", StringComparison.Ordinal)
                || outcome is "-1"
                    or "EndOfStreamException (nothing inside)"
                    or "IOException (SocketException Shutdown)"
                    or OwnEnd
                    or OwnEndBlocking))
        {
            return blocks ? OwnEndBlocking : OwnEnd;
        }

        return SharesReset && (outcome.StartsWith("read 0", StringComparison.Ordinal)
            || outcome is "IOException (SocketException Shutdown)"
                or "IOException (SocketException ConnectionReset)"
                or "EndOfStreamException (nothing inside)"
                or "-1")
            ? "the reset, or nothing more"
            : outcome;
    }

    private bool Waits(StreamWait what) => what switch
    {
        StreamWait.Bytes => state == StreamState.Fresh || ReadWaits || WriteWaits,
        StreamWait.End => state is StreamState.Fresh or StreamState.DataWaiting || ReadWaits || WriteWaits,
        StreamWait.Room => WriteWaits,
        StreamWait.MuchRoom
            => state is not (StreamState.PeerReset or StreamState.DataThenReset or StreamState.Disposed),
        _ => false,
    };

    private bool Ends(string name, StreamWait what, bool hasToken) => ending switch
    {
        StreamEnding.DisposeElsewhere => true,
        StreamEnding.Cancel => hasToken,
        StreamEnding.PeerResets => true,
        StreamEnding.PeerHalfCloses => what is StreamWait.Bytes or StreamWait.End,
        StreamEnding.PeerSends => what == StreamWait.Bytes && (name is not "it" || !ReadWaits),
        StreamEnding.PeerReads => what is StreamWait.Room or StreamWait.MuchRoom,
        _ => false,
    };

    private List<(string Name, StreamWait Waits, bool HasToken, Task<string> Task)> Prepare(
        StreamUnderTest test,
        CancellationToken token)
    {
        List<(string, StreamWait, bool, Task<string>)> running = [];
        switch (state)
        {
            case StreamState.DataWaiting:
                test.Peer.Send(s_ten);
                break;
            case StreamState.PeerHalfClosed:
                test.Peer.Shutdown(SocketShutdown.Send);
                break;
            case StreamState.DataThenHalfClosed:
                test.Peer.Send(s_ten);
                test.Peer.Shutdown(SocketShutdown.Send);
                break;
            case StreamState.PeerReset:
                test.ResetByPeer();
                break;
            case StreamState.DataThenReset:
                test.Peer.Send(s_ten);
                test.ResetByPeer();
                break;
            case StreamState.Disposed:
                test.Stream.Dispose();
                break;
        }

        if (ReadWaits)
        {
            running.Add(
                ("the read", StreamWait.Bytes, true, OutcomeAsync(
                    async () => $"read {await test.Stream.ReadAsync(new byte[16].AsMemory(), token)}",
                    token)));
        }

        if (WriteWaits)
        {
            running.Add(("the write", StreamWait.MuchRoom, true, OutcomeAsync(
                async () =>
                {
                    await test.Stream.WriteAsync(s_large.AsMemory(), token);
                    return "written";
                },
                token)));
        }

        return running;
    }

    private async Task EndAsync(StreamUnderTest test, CancellationTokenSource cancellation)
    {
        try
        {
            switch (ending)
            {
                case StreamEnding.PeerHalfCloses:
                    test.Peer.Shutdown(SocketShutdown.Send);
                    break;
                case StreamEnding.PeerResets:
                    test.ResetByPeer();
                    break;
                case StreamEnding.PeerSends:
                    test.Peer.Send(s_ten);
                    break;
                case StreamEnding.PeerReads:
                    _ = test.DrainAsync();
                    break;
                case StreamEnding.DisposeElsewhere:
                    await Task.Run(test.Stream.Dispose).Within("Dispose");
                    break;
                case StreamEnding.Cancel:
                    await cancellation.CancelAsync();
                    break;
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The peer has ended before.
        }
    }

    private static async Task<string> OutcomeAsync(Func<Task<string>> run, CancellationToken token)
    {
        try
        {
            return await run();
        }
        catch (OperationCanceledException exception) when (exception is not ConnectionAbortedException)
        {
            return $"cancelled, {(exception.CancellationToken == token ? "by the token" : "otherwise")}";
        }
        catch (Exception exception)
        {
            return Describe(exception);
        }
    }

    private static string Describe(Exception exception) => exception switch
    {
        SocketException socket => $"SocketException {socket.SocketErrorCode}",
        ArgumentException argument => $"{argument.GetType().Name} {argument.ParamName}",
        IOException => $"{exception.GetType().Name} "
            + $"({(exception.InnerException is { } inner ? Describe(inner) : "nothing inside")})",
        _ => exception.GetType().Name,
    };
}
