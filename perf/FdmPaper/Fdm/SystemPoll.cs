using System;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Fdm;

internal sealed class SystemPoll : IPoll
{
    public int Poll(Span<PollDescriptor> descriptors, int timeoutMilliseconds)
        => Sys.Poll(descriptors, timeoutMilliseconds);
}
