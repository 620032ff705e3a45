using System;
using System.Threading;
using System.Threading.Tasks;

namespace KestrelFdmTransport.Dashboard;

/// <summary>One of those that share a sampler, until it is disposed.</summary>
internal sealed class Viewer(Sampler sampler) : IDisposable
{
    private byte[]? _seen;
    private bool _disposed;

    /// <summary>The latest sample that this viewer has not had; it may have missed others.</summary>
    internal async ValueTask<byte[]> NextSampleAsync(CancellationToken cancellationToken)
    {
        byte[]? sample;
        while (!sampler.TryGetNewer(_seen, out sample, out Task next))
        {
            await next.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return _seen = sample;
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            sampler.RemoveViewer();
        }
    }
}
