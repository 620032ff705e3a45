using System;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace KestrelFdmTransport.Dashboard;

/// <summary>Sends samples to one viewer. One that is slow misses some: none waits for it in a queue.</summary>
internal sealed class EventStream(HttpContext context, Viewer viewer, TimeSpan writeTimeout)
{
    /// <summary>How long a write may still take when the stream ends. Only one that is stuck takes so long.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(1);

    internal async Task RunAsync(CancellationToken end)
    {
        try
        {
            // If the first sample fails, the answer can still be an error.
            byte[] sample = await viewer.NextSampleAsync(end).ConfigureAwait(false);
            WriteHeaders();
            do
            {
                if (!await TrySendAsync(sample, end).ConfigureAwait(false))
                {
                    // Even the end of the response would wait behind what the viewer does not take.
                    context.Abort();
                    return;
                }

                sample = await viewer.NextSampleAsync(end).ConfigureAwait(false);
            }
            while (true);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The stream's regular end.
        }
    }

    private void WriteHeaders()
    {
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentType = "text/event-stream";
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers["X-Accel-Buffering"] = "no"; // nginx would collect a page of events before it passes them on
    }

    private async ValueTask<bool> TrySendAsync(byte[] sample, CancellationToken end)
    {
        using var timeout = new CancellationTokenSource(writeTimeout);
        using CancellationTokenRegistration atEnd = end.UnsafeRegister(
            static source => ((CancellationTokenSource)source!).CancelAfter(s_grace),
            timeout);
        try
        {
            await context.Response.Body.WriteAsync(sample, timeout.Token).ConfigureAwait(false);
            await context.Response.Body.FlushAsync(timeout.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return false;
        }
    }
}
