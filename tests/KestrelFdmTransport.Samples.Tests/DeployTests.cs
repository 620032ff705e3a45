using System;
using System.Diagnostics;
using System.IO;
using System.Net.Http;
using System.Threading.Tasks;
using Xunit;

namespace KestrelFdmTransport.Samples.Tests;

public sealed class DeployTests
{
    [Fact]
    public async Task It_answers_requests_and_probes()
    {
        await using SampleProcess server = await SampleProcess.ServeAsync("Deploy", "--Urls=http://127.0.0.1:0");
        using var http = new HttpClient { BaseAddress = server.Addresses[0] };

        Assert.StartsWith("Hello from process ", await GetAsync("/"), StringComparison.Ordinal);
        Assert.Equal("Healthy", await GetAsync("/health/live"));
        Assert.Equal("Healthy", await GetAsync("/health/ready"));

        Task<string> GetAsync(string path) => http.GetStringAsync(new Uri(path, UriKind.Relative)).Within(path);
    }

    [Fact]
    public async Task The_restart_script_is_one()
    {
        string script = Path.Combine(SampleProcess.FolderOf("Deploy"), "systemd", "restart");
        using Process bash = Process.Start("bash", ["-n", script]);
        await bash.WaitForExitAsync().Within("the check of the script");

        Assert.Equal(0, bash.ExitCode);
    }
}
