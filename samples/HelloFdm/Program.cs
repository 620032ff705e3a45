// One small server that uses every kind of traffic. Start it from the repository root:
//
//   dotnet run --project samples/HelloFdm -c Release
//
// and try each route:
//
//   curl http://127.0.0.1:5000/                                    plain text.
//
//   curl http://127.0.0.1:5000/json                                JSON.
//
//   head -c 100000000 /dev/zero | curl -X POST -T - http://127.0.0.1:5000/upload   counts a streamed body.
//
//   curl -o /dev/null http://127.0.0.1:5000/download/1000000000    streams that many bytes.
//
//   curl -N 'http://127.0.0.1:5000/events?count=5'                 server-sent events, one per 200 ms.
//
//   curl -s --max-time 1 -D - -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
//        -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==' http://127.0.0.1:5000/ws   WebSocket echo: the 101 answer
//
//   curl http://127.0.0.1:5000/loops                               what the event loops have done, and which serves you
//
// Any setting can be given on the command line:
//
//   dotnet run --project samples/HelloFdm -c Release -- \
//        --urls http://0.0.0.0:8080 --Kestrel:FdmTransport:Scheduling=Inline

using System;
using HelloFdm;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);

builder.WebHost.UseFdmTransport();

builder.UseSampleDefaults();
builder.Services.AddSample();

await using WebApplication app = builder.Build();
app.MapSample();

await app.StartAsync();

foreach (string url in app.Urls)
{
    Console.WriteLine($"Listening on {url}");
}

Console.WriteLine(LoopsReport.Create(app.Services).Transport);
Console.WriteLine("Ctrl+C stops the server.");

await app.WaitForShutdownAsync();
