using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.Playwright;
using Xunit;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>Debian's Chromium, started once for the tests of a class.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] s_executables =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private string? _missing;

    public async Task InitializeAsync()
    {
        string? executable = s_executables.FirstOrDefault(File.Exists);
        _missing = executable is null ? "Chromium is not here: apt-get install chromium"
            : File.Exists("/etc/alpine-release") ? "The driver of the browser does not run with musl."
            : null;
        if (_missing is null)
        {
            _playwright = await Playwright.CreateAsync();
            _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
            {
                ExecutablePath = executable,
                // A container has neither user namespaces nor much shared memory; the only page is ours.
                Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
            });
        }
    }

    public async Task DisposeAsync()
    {
        await (_browser?.DisposeAsync() ?? default);
        _playwright?.Dispose();
    }

    /// <summary>Skips the test where there is no browser.</summary>
    internal async Task<BrowserPage> OpenPageAsync(ColorScheme scheme = ColorScheme.Light)
    {
        Skip.If(_missing is not null, _missing);
        IPage page = await _browser!.NewPageAsync(new BrowserNewPageOptions
        {
            ColorScheme = scheme,
            ViewportSize = new ViewportSize { Width = 1180, Height = 900 },
        });
        page.SetDefaultTimeout((float)Eventually.Limit.TotalMilliseconds);
        return new BrowserPage(page);
    }
}
