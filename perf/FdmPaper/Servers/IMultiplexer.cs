using System;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>Finds out which descriptors have something to read.</summary>
internal interface IMultiplexer
{
    void Add(int descriptor, bool isListener);

    void Remove(int descriptor);

    /// <summary>Waits until something is ready.</summary>
    /// <returns>How many of <paramref name="ready"/> were filled.</returns>
    int Wait(Span<int> ready);
}
