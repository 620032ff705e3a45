using System;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// A web application on a free port, on this transport if the caller does not say otherwise, and a client.
/// </summary>
internal sealed class SmallServer : IAsyncDisposable
{
    private readonly HttpClient _client;

    private SmallServer(WebApplication application)
    {
        Application = application;
        _client = new HttpClient { BaseAddress = new Uri(application.Urls.First()), Timeout = Eventually.Limit };
    }

    public WebApplication Application { get; }

    public static async Task<SmallServer> StartAsync(
        Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? map = null, bool usesFdm = true)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (usesFdm)
        {
            builder.WebHost.UseFdmTransport(options => options.LoopCount = 1);
        }

        configure?.Invoke(builder);
        WebApplication application = builder.Build();
        map?.Invoke(application);
        await application.StartAsync().Within("the start of the server");
        return new SmallServer(application);
    }

    /// <summary>Status and body of the answer.</summary>
    public async Task<string> GetAsync(string path)
    {
        using HttpResponseMessage answer = await _client.GetAsync(path).Within(path);
        return $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}";
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Application.StopAsync().Within("the stop of the server");
        await Application.DisposeAsync().AsTask().Within("the disposal of the server");
    }
}
