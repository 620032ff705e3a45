using System;
using System.Buffers;
using System.IO;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Scheduling;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>A connection as a stream that behaves as a <see cref="NetworkStream"/> which owns its socket.</summary>
/// <remarks>
/// A write completes when the kernel has taken all of it, so disposing waits for nothing: unsent bytes belong to a
/// pending write, which fails. As on a socket, concurrent calls of one direction take turns.
/// </remarks>
internal sealed class ConnectionStream : Stream
{
    /// <summary>A large write is copied in pieces of at most this size, each after the previous one has left.</summary>
    internal const int PieceSize = 64 * 1024;

    private readonly FdmConnection _connection;
    private readonly PipeReader _input;
    private readonly PipeWriter _output;
    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private int _readTimeout = Timeout.Infinite;
    private int _writeTimeout = Timeout.Infinite;
    private int _errorReported;
    private int _disposed;

    /// <param name="connection">A connection whose settings are those of
    /// <see cref="ConnectionSettings.ForStream"/>.</param>
    internal ConnectionStream(FdmConnection connection)
    {
        _connection = connection;
        _input = connection.Io.Reader;
        _output = connection.Io.Writer;
    }

    // A loop refers to every connection, so a forgotten one would never end. NetworkStream has a finalizer too.
#pragma warning disable MA0055
    ~ConnectionStream() => Dispose(false);
#pragma warning restore MA0055

    internal FdmConnection Connection => _connection;

    public override bool CanRead => !IsDisposed;

    public override bool CanWrite => !IsDisposed;

    public override bool CanSeek => false;

    public override bool CanTimeout => true;

    public override int ReadTimeout
    {
        get => GetTimeout(ref _readTimeout);
        set => SetTimeout(ref _readTimeout, value);
    }

    public override int WriteTimeout
    {
        get => GetTimeout(ref _writeTimeout);
        set => SetTimeout(ref _writeTimeout, value);
    }

    public override long Length => throw NotSeekable();

    public override long Position
    {
        get => throw NotSeekable();
        set => throw NotSeekable();
    }

    private bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled<int>(cancellationToken)
            : ReceiveAsync(buffer, cancellationToken);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ThrowIfDisposed();
        return cancellationToken.IsCancellationRequested
            ? ValueTask.FromCanceled(cancellationToken)
            : SendAsync(buffer, cancellationToken);
    }

    /// <summary>Nothing to do: every write is sent at once.</summary>
    public override void Flush()
    {
    }

    /// <inheritdoc cref="Flush"/>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        ValidateBufferArguments(buffer, offset, count);
        return WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        using CancellationTokenSource? patience = RemainingTimeout(Volatile.Read(ref _readTimeout));

        // A blocking call keeps its thread anyway, so available bytes are read at once.
        CooperativeBudget.Renew();
        try
        {
            return ReadAsync(buffer.AsMemory(offset, count), patience?.Token ?? default).AsTask().GetAwaiter()
                .GetResult();
        }
        catch (OperationCanceledException) when (patience is not null)
        {
            throw ReadFailed(new SocketException((int)SocketError.TimedOut));
        }
        catch (IOException exception) when (IsOurs(exception))
        {
            throw ReadFailed(new SocketException((int)SocketError.ConnectionAborted));
        }
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        using CancellationTokenSource? patience = RemainingTimeout(Volatile.Read(ref _writeTimeout));
        CooperativeBudget.Renew();
        try
        {
            WriteAsync(buffer.AsMemory(offset, count), patience?.Token ?? default).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (patience is not null)
        {
            throw WriteFailed(new SocketException((int)SocketError.TimedOut));
        }
        catch (IOException exception) when (IsOurs(exception))
        {
            throw WriteFailed(new SocketException((int)SocketError.ConnectionAborted));
        }
    }

    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state)
        => TaskToAsyncResult.Begin(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    public override int EndRead(IAsyncResult asyncResult)
    {
        ThrowIfDisposed();
        return TaskToAsyncResult.End<int>(asyncResult);
    }

    public override IAsyncResult BeginWrite(
        byte[] buffer, int offset, int count, AsyncCallback? callback, object? state)
        => TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    public override void EndWrite(IAsyncResult asyncResult)
    {
        ThrowIfDisposed();
        TaskToAsyncResult.End(asyncResult);
    }

    public override long Seek(long offset, SeekOrigin origin) => throw NotSeekable();

    public override void SetLength(long value) => throw NotSeekable();

    /// <summary>Pending calls fail at once, and the connection ends.</summary>
    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            if (disposing)
            {
                End();
            }
            else
            {
                // A log is user code, which must not block the finalizer thread.
                ThreadPool.UnsafeQueueUserWorkItem(static stream => stream.End(), this, preferLocal: false);
            }
        }

        base.Dispose(disposing);
    }

    private static NotSupportedException NotSeekable() => new("This stream does not support seek operations.");

    private static bool IsCancellation(Exception exception)
        => exception is OperationCanceledException and not ConnectionAbortedException;

    /// <summary>The error of calls on a socket that is closed under them, for an end that was ours.</summary>
    private static SocketException Aborted() => new((int)SocketError.OperationAborted);

    /// <summary>
    /// On a socket that is closed under them, blocking calls fail with another error than asynchronous ones.
    /// </summary>
    private bool IsOurs(IOException exception)
        => IsDisposed && exception.InnerException is SocketException { SocketErrorCode: SocketError.OperationAborted };

    private static IOException ReadFailed(Exception cause)
        => new($"Unable to read data from the transport connection: {cause.Message}.", cause);

    private static IOException WriteFailed(Exception cause)
        => new($"Unable to write data to the transport connection: {cause.Message}.", cause);

    private static CancellationTokenSource? RemainingTimeout(int milliseconds)
        => milliseconds == Timeout.Infinite ? null : new CancellationTokenSource(milliseconds);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (!IsDisposed)
            {
                ReadResult result = await _input.ReadAsync(cancellationToken).ConfigureAwait(false);
                ReadOnlySequence<byte> received = result.Buffer;
                int count = (int)Math.Min(received.Length, buffer.Length);
                received.Slice(0, count).CopyTo(buffer.Span);
                _input.AdvanceTo(received.GetPosition(count));
                if (count > 0 || result.IsCompleted || !received.IsEmpty)
                {
                    return count;
                }
            }
        }
        catch (Exception exception) when (!IsCancellation(exception))
        {
            if (!IsDisposed)
            {
                // As on a socket, the first read throws the error; after that the input has ended.
                Exception cause = GetCause(exception);
                return !IsSocketsOwn(exception) || ReportsError() ? throw ReadFailed(cause) : 0;
            }
        }
        finally
        {
            _reading.Release();
        }

        throw ReadFailed(Aborted());
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            FlushResult result = default;
            while (!IsDisposed && !result.IsCompleted)
            {
                int count = Math.Min(buffer.Length, PieceSize);
                result = await _output.WriteAsync(buffer[..count], cancellationToken).ConfigureAwait(false);
                buffer = buffer[count..];
                if (buffer.IsEmpty && !result.IsCanceled && !result.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (!IsCancellation(exception))
        {
            if (!IsDisposed)
            {
                throw WriteFailed(GetWriteError(exception));
            }
        }
        finally
        {
            _writing.Release();
        }

        throw WriteFailed(IsDisposed ? Aborted() : GetWriteError(_connection.Io.ShutdownReason));
    }

    private void End()
    {
        _input.CancelPendingRead();
        _output.CancelPendingFlush();
        _connection.Io.Abort(null);
        _ = ReleaseAsync();
    }

    /// <summary>
    /// Both ends are completed when no call is inside: completing them returns blocks that a call may use.
    /// </summary>
    private async Task ReleaseAsync()
    {
        await _reading.WaitAsync().ConfigureAwait(false);
        await _writing.WaitAsync().ConfigureAwait(false);
        _ = _connection.DisposeAsync().AsTask();
        _reading.Release();
        _writing.Release();
    }

    /// <summary>False for an end that this process has made, which every call reports.</summary>
    private static bool IsSocketsOwn(Exception? exception) => exception is SocketException or ConnectionResetException;

    private bool ReportsError() => Interlocked.Exchange(ref _errorReported, 1) == 0;

    /// <summary>The reset that ended the input is also the cause of the first write that fails.</summary>
    private Exception GetWriteError(Exception? exception)
    {
        Exception cause = GetCause(exception);
        return !IsSocketsOwn(exception) ? cause
            : !ReportsError() ? new SocketException((int)SocketError.Shutdown)
            : _connection.Io.Reader.EndError is ConnectionResetException reset ? GetCause(reset)
            : cause;
    }

    /// <summary>The inner exception of an <see cref="IOException"/>.</summary>
    private static Exception GetCause(Exception? exception) => exception switch
    {
        ConnectionResetException reset => reset.InnerException ?? new SocketException((int)SocketError.ConnectionReset),
        ConnectionAbortedException aborted => new SocketException((int)SocketError.OperationAborted, aborted.Message),
        null => Aborted(),
        _ => exception,
    };

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(IsDisposed, this);

    private int GetTimeout(ref int timeout)
    {
        ThrowIfDisposed();
        return Volatile.Read(ref timeout);
    }

    private void SetTimeout(ref int timeout, int value)
    {
        if (value <= 0 && value != Timeout.Infinite)
        {
            throw new ArgumentOutOfRangeException(
                nameof(value),
                "Timeout can be only be set to 'System.Threading.Timeout.Infinite' or a value > 0.");
        }

        ThrowIfDisposed();
        Volatile.Write(ref timeout, value);
    }
}
