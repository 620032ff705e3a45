using System;
using System.Threading;
using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.MicroBenchmarks.Support;

/// <summary>A source that does nothing but count its mail.</summary>
internal sealed class QuietSource : IoSource
{
    private long _handled;

    internal long Handled => Volatile.Read(ref _handled);

    internal override Notice Serve(uint events) => Notice.Nothing;

    internal override Notice OnMail(Mail mail)
    {
        Volatile.Write(ref _handled, _handled + 1);
        return Notice.Nothing;
    }

    internal override Notice Close() => Notice.Nothing;

    internal override void Tell(in Notice notice)
    {
    }

    internal override void Fail(Exception cause) => Environment.FailFast(cause.Message, cause);
}
