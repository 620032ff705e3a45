using System;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>Tells from between transport and Kestrel how many bytes of a connection Kestrel has looked at.</summary>
internal sealed class InputGauge
{
    private long _examined;

    public void Use(ListenOptions listen) => listen.Use(next => async connection =>
    {
        IDuplexPipe original = connection.Transport;
        connection.Transport = new DuplexPipe(new Reader(this, original.Input), original.Output);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = original;
        }
    });

    public Task UntilExaminedAsync(long count) => Eventually.UntilAsync(
        () => Volatile.Read(ref _examined) >= count,
        () => $"{Volatile.Read(ref _examined)} of {count}");

    private sealed class Reader(InputGauge gauge, PipeReader inner) : PipeReader
    {
        private ReadOnlySequence<byte> _buffer;
        private long _consumed;

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            long total = _consumed + _buffer.Slice(_buffer.Start, examined).Length;
            _consumed += _buffer.Slice(_buffer.Start, consumed).Length;
            _buffer = default;
            inner.AdvanceTo(consumed, examined);
            Volatile.Write(ref gauge._examined, Math.Max(total, gauge._examined));
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ReadResult result = await inner.ReadAsync(cancellationToken);
            _buffer = result.Buffer;
            return result;
        }

        public override bool TryRead(out ReadResult result)
        {
            bool read = inner.TryRead(out result);
            _buffer = result.Buffer;
            return read;
        }
    }
}
