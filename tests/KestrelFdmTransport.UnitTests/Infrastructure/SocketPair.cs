using System;
using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>Two connected Unix stream sockets, non-blocking.</summary>
internal sealed class SocketPair : IDisposable
{
    public SocketPair()
    {
        (int near, int far) = StreamPair.Create();
        Near = new SafeFileDescriptor(near);
        Far = new SafeFileDescriptor(far);
    }

    public SafeFileDescriptor Near { get; }

    public SafeFileDescriptor Far { get; }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }
}
