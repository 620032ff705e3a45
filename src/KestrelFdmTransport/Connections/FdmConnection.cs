using System;
using System.Collections.Generic;
using System.IO.Pipelines;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Diagnostics;
using KestrelFdmTransport.Interop;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelFdmTransport.Connections;

/// <summary>The application's side of a connection. Rarely used parts are created on first use.</summary>
internal sealed partial class FdmConnection : ConnectionContext, IDuplexPipe, IThreadPoolWorkItem
{
    private const string AbortMessage = "The connection was aborted by the application via ConnectionContext.Abort().";
    private const string FeatureAbortMessage =
        "The connection was aborted by the application via IConnectionLifetimeFeature.Abort().";

    /// <summary>
    /// The time that callbacks of <see cref="ConnectionClosed"/> get before the output ends. A callback that takes
    /// longer may be waiting for a flush of the same connection.
    /// </summary>
    private static readonly TimeSpan s_callbackTimeout = TimeSpan.FromMilliseconds(250);

    /// <summary>Marks an endpoint that was set to null.</summary>
    private static readonly EndPoint s_noEndPoint = new DnsEndPoint("none", 0);

    private readonly ConnectionIo _io;
    private readonly StrongBox<CompactSocketAddress> _localName;
    private readonly CompactSocketAddress _remoteName;
    private string? _connectionId;
    private IDictionary<object, object?>? _items;
    private IDuplexPipe? _transport;
    private ClosedToken _closed;
    private TaskCompletionSource? _disposed;
    private bool _tokenOverridden;
    private int _closeState;

    /// <param name="io">The descriptor's side.</param>
    /// <param name="local">The local address, which connections of one endpoint share.</param>
    /// <param name="remote">The peer's address.</param>
    internal FdmConnection(ConnectionIo io, StrongBox<CompactSocketAddress> local, in CompactSocketAddress remote)
    {
        FaultPoints.Hit(FaultPoint.ConnectionMade);
        _io = io;
        _localName = local;
        _remoteName = remote;
        io.Connection = this;
    }

    public override string ConnectionId
    {
        get => _connectionId ?? CreateConnectionId();
        set => _connectionId = value;
    }

    public override IFeatureCollection Features => this;

    public override IDictionary<object, object?> Items
    {
        get => _items ??= new ConnectionItems();
        set => _items = value;
    }

    public override IDuplexPipe Transport
    {
        get => _transport ?? this;
        set => _transport = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get
            => ReferenceEquals(base.LocalEndPoint, s_noEndPoint)
                ? null
                : base.LocalEndPoint ??= _localName.Value.ToEndPoint();
        set => base.LocalEndPoint = value ?? s_noEndPoint;
    }

    public override EndPoint? RemoteEndPoint
    {
        get
            => ReferenceEquals(base.RemoteEndPoint, s_noEndPoint)
                ? null
                : base.RemoteEndPoint ??= _remoteName.ToEndPoint();
        set => base.RemoteEndPoint = value ?? s_noEndPoint;
    }

    public override CancellationToken ConnectionClosed
    {
        get => Volatile.Read(ref _tokenOverridden) ? base.ConnectionClosed : _closed.Get();
        set
        {
            base.ConnectionClosed = value;
            Volatile.Write(ref _tokenOverridden, true);
        }
    }

    /// <summary>The descriptor's side.</summary>
    internal ConnectionIo Io => _io;

    PipeReader IDuplexPipe.Input => _io.Reader;

    PipeWriter IDuplexPipe.Output => _io.Writer;

    public override void Abort(ConnectionAbortedException abortReason) => _io.Abort(abortReason);

    public override void Abort() => Abort(new ConnectionAbortedException(AbortMessage));

    /// <summary>Sends what was written, ends the connection, and completes when all its callbacks have run.</summary>
#pragma warning disable CA2215 // The base class has nothing to dispose.
    public override ValueTask DisposeAsync()
#pragma warning restore CA2215
    {
        var disposed = new TaskCompletionSource();
        disposed = Interlocked.CompareExchange(ref _disposed, disposed, null) ?? disposed;
        _io.Reader.Complete();
        _io.Writer.Complete();
        Signal(CloseState.Disposing);
        return new ValueTask(disposed.Task);
    }

    /// <summary>Takes the connection out of the accept queue; false if it has been withdrawn. Any thread.</summary>
    internal bool TryTake()
        => (Interlocked.Or(ref _closeState, (int)CloseState.Taken) & (int)CloseState.Withdrawn) == 0;

    /// <summary>
    /// True if the connection was not taken from the accept queue and never will be: it belongs to the caller. Any
    /// thread.
    /// </summary>
    internal bool TryWithdraw()
        => (Interlocked.Or(ref _closeState, (int)CloseState.Withdrawn) & (int)CloseState.Taken) == 0;

    /// <summary>Cancels <see cref="ConnectionClosed"/> on the pool, once.</summary>
    internal void FireConnectionClosed() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    /// <summary>
    /// The connection is closed: flushes end once the token's callbacks have run. Any thread, after the token has been
    /// queued.
    /// </summary>
    internal void EndOutputAfterToken()
    {
        if ((Interlocked.Or(ref _closeState, (int)CloseState.OutputOver) & (int)CloseState.TokenFired) != 0)
        {
            _io.CompleteOutput();
        }
        else if (_io.Writer.MayWait)
        {
            _ = EndOutputLaterAsync();
        }
    }

    /// <summary>A callback may wait for a flush, its own or another thread's.</summary>
    private async Task EndOutputLaterAsync()
    {
        await Task.Delay(s_callbackTimeout).ConfigureAwait(false);
        _io.CompleteOutput();
    }

    /// <summary>The descriptor is closed, and the transport's side has returned every block.</summary>
    internal void OnDescriptorClosed()
    {
        if ((Interlocked.Or(ref _closeState, (int)CloseState.Closed) & (int)CloseState.CallbacksRun) != 0)
        {
            // Not on the loop: disposing continues the application.
            ThreadPool.UnsafeQueueUserWorkItem(
                static connection => connection.Signal(CloseState.Closed), this, preferLocal: false);
        }
    }

    /// <summary>The work item of <see cref="FireConnectionClosed"/>.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            _closed.Cancel();
        }
        catch (Exception exception)
        {
            Log.ConnectionClosedCallbackFailed(_io.Settings.Logger, exception);
        }

        if ((Volatile.Read(ref _closeState) & (int)CloseState.OutputOver) != 0 && _io.Writer.MayWait)
        {
            // After the work items that the callbacks have queued: Kestrel cancels RequestAborted in one, and a handler
            // must not continue writing before that.
            ThreadPool.UnsafeQueueUserWorkItem(
                static connection => connection.OnCallbacksRun(), this, preferLocal: false);
        }
        else
        {
            OnCallbacksRun();
        }
    }

    private void OnCallbacksRun()
    {
        if ((Interlocked.Or(ref _closeState, (int)CloseState.TokenFired) & (int)CloseState.OutputOver) != 0)
        {
            _io.CompleteOutput();
        }

        Signal(CloseState.CallbacksRun);
    }

    private string CreateConnectionId()
    {
        string id = ConnectionIdGenerator.Next();
        return Interlocked.CompareExchange(ref _connectionId, id, null) ?? id;
    }

    /// <summary>Notes how far the end has come. Once it is complete, so is what disposing waits for.</summary>
    private void Signal(CloseState reached)
    {
        const int All = (int)(CloseState.CallbacksRun | CloseState.Closed);
        int state = Interlocked.Or(ref _closeState, (int)reached) | (int)reached;
        if ((state & All) == All)
        {
            Volatile.Read(ref _disposed)?.TrySetResult();
        }
    }
}
