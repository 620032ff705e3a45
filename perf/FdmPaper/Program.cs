// Liu and Chen's FDM, reproduced: their algorithm beside poll(), epoll and this transport, over thousands of idle
// connections.
//   dotnet run -c Release --project perf/FdmPaper -- --help
using System;
using System.CommandLine;
using System.IO;
using System.Linq;
using KestrelFdmTransport.FdmPaper;
using KestrelFdmTransport.FdmPaper.Servers;

var rounds = new Option<int>("--rounds")
{
    Description = "How often everything is measured; the tables show medians.",
    DefaultValueFactory = static _ => 3
};
var seconds = new Option<double>("--seconds")
{
    Description = "How long each cell is measured.",
    DefaultValueFactory = static _ => 0.8
};
var active = new Option<int>("--active")
{
    Description = "Connections that send requests.",
    DefaultValueFactory = static _ => 16
};
var idle = new Option<int[]>("--idle")
{
    Description = "Figure 9: idle connections.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = static _ => [0, 1000, 2000, 3000, 4000, 6000, 8000]
};
var rate = new Option<int>("--rate")
{
    Description = "Figure 9: requests/s where the rate is fixed.",
    DefaultValueFactory = static _ => 1000
};
var loadedIdle = new Option<int>("--loaded-idle")
{
    Description = "Figure 11: idle connections.",
    DefaultValueFactory = static _ => 6000
};
var loads = new Option<int[]>("--loads")
{
    Description = "Figure 11: requests/s.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = static _ => [2000, 4000, 8000, 16_000, 32_000]
};
var sleepThreshold = new Option<int>("--sleep-threshold")
{
    Description = "FDM's server naps for 500 µs after so many empty polls.",
    DefaultValueFactory = static _ => 100
};
var markdown = new Option<FileInfo?>("--markdown") { Description = "Writes the tables to a file as well." };

var mechanism = new Argument<string>("mechanism");
var threshold = new Argument<int>("sleep threshold");
var serve = new Command("serve", "One of the servers; the comparison starts them itself.") { mechanism, threshold };
serve.Hidden = true;
serve.SetAction(parsed => ServerKind.Serve(parsed.GetValue(mechanism)!, parsed.GetValue(threshold)));

var root = new RootCommand("Measures FDM, poll(), epoll and this transport beside idle connections.")
{
    rounds, seconds, active, idle, rate, loadedIdle, loads, sleepThreshold, markdown, serve,
};
root.SetAction(parsed =>
{
    var comparison = new Comparison
    {
        SleepThreshold = parsed.GetValue(sleepThreshold),
        Plan = new()
        {
            Rounds = parsed.GetValue(rounds),
            Duration = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            Active = parsed.GetValue(active),
            Idle = [.. parsed.GetValue(idle)!.Distinct().Order()],
            FixedRate = parsed.GetValue(rate),
            LoadedIdle = parsed.GetValue(loadedIdle),
            Loads = parsed.GetValue(loads)!,
        },
    };
    string text = comparison.Run();
    if (parsed.GetValue(markdown) is { } file)
    {
        File.WriteAllText(file.FullName, text);
    }
});
return root.Parse(args).Invoke();
