// A server for containers and for systemd: it takes the socket that systemd holds, reports that it is ready, and
// answers probes. README.md has the files around it.

using Microsoft.AspNetCore.Diagnostics.HealthChecks;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.WebHost.UseFdmTransport();

// Both do nothing where systemd has not started the process.
builder.WebHost.ConfigureKestrel(kestrel => kestrel.UseSystemd());
builder.Services.AddSystemd();

builder.Services.AddHealthChecks().AddFdmTransport(tags: ["ready"]);

// Requests that have begun get this long after SIGTERM. systemd and Kubernetes wait longer before they kill.
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(30));

await using WebApplication app = builder.Build();
app.MapGet("/", () => $"Hello from process {Environment.ProcessId}.\n");
app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains("ready") });
await app.RunAsync();
