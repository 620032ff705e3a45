using System;
using System.Net.Sockets;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using KestrelFdmTransport.Conformance.Oracle;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>A client leaves, in every way and at every moment of a request.</summary>
[Trait("Category", "Slow")]
public sealed class ClientEndsTests(ITestOutputHelper output) : OracleTest(output)
{
    public static TheoryData<TransportKind, RequestPhase, ClientEnd> EveryPhaseAndEnd => Cases.Cross(
        OnFdm,
        Enum.GetValues<RequestPhase>(),
        Enum.GetValues<ClientEnd>(),
        // A close with bytes on the way is a FIN or a reset, as chance has it.
        (phase, end) => end != ClientEnd.Close || !RequestScene.IsHeldUp(phase));

    [Theory, MemberData(nameof(EveryPhaseAndEnd))]
    public Task All_parties_see_the_client_leave_as_on_Sockets(
        TransportKind transport, RequestPhase phase, ClientEnd end)
    {
        return CompareAsync(transport, async (kind, transcript) =>
        {
            var scene = new RequestScene(transcript);
            TestServer server = await StartAsync(kind, scene.HandleAsync, scene.Setup);
            using RawClient client = await scene.ReachAsync(server, phase);

            switch (end)
            {
                case ClientEnd.Fin:
                    client.HalfClose();
                    break;
                case ClientEnd.Close:
                    client.Dispose();
                    break;
                default:
                    client.Reset();
                    break;
            }

            scene.Proceed();
            if (end == ClientEnd.Fin)
            {
                await transcript.StepAsync("client", "read to the end", () => ReadToEndAsync(client));
            }

            await server.UntilConnectionsStoppedAsync();
            await server.DisposeAsync();
            scene.AddLog(phase, server.Logs);
        });
    }

    /// <summary>How much comes before the end is up to buffers and scheduling.</summary>
    private static async Task<string> ReadToEndAsync(RawClient client)
    {
        try
        {
            await client.ReadToEndAsync();
            return "FIN";
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode.ToString();
        }
    }
}
