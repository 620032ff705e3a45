using System;
using KestrelFdmTransport.Interop;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>Two connected Unix stream sockets, non-blocking.</summary>
internal sealed class SocketPair : IDisposable
{
    public SocketPair()
    {
        Assert.Equal(0, Sys.StreamPair(out int near, out int far));
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
