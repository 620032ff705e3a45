using System;
using System.Threading.Tasks;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;
using Xunit.Abstractions;

namespace KestrelFdmTransport.Conformance.Oracle;

/// <summary>Runs a scenario on Sockets and on a kind of this transport and compares the two transcripts.</summary>
public abstract class OracleTest(ITestOutputHelper output) : TransportTest(output)
{
    private readonly ITestOutputHelper _output = output;

    /// <param name="candidate">The kind that must behave like Sockets.</param>
    /// <param name="scenario">Starts the transport it is given and records what all sides see.</param>
    private protected async Task CompareAsync(TransportKind candidate, Func<TransportKind, Transcript, Task> scenario)
    {
        string expected = await RecordAsync(TransportKind.Sockets, scenario);
        string actual = await RecordAsync(candidate, scenario);
        Assert.Equal(expected, actual);
    }

    private async Task<string> RecordAsync(TransportKind transport, Func<TransportKind, Transcript, Task> scenario)
    {
        var transcript = new Transcript();
        try
        {
            await scenario(transport, transcript);
        }
        finally
        {
            _output.WriteLine($"{transport}:\n{transcript}");
        }

        return transcript.ToString();
    }
}
