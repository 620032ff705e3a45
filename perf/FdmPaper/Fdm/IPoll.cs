using System;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Fdm;

/// <summary><c>poll()</c>, or what a test puts in its place.</summary>
internal interface IPoll
{
    /// <returns>How many descriptors have something returned.</returns>
    int Poll(Span<PollDescriptor> descriptors, int timeoutMilliseconds);
}
