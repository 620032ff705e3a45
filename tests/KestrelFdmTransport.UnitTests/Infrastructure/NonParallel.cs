using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// Tests whose threads must really run at the same time: one test after the other, and nothing else beside them. On two
/// CPUs a race hardly ever meets otherwise. Also tests of the OpenTelemetry SDK, which has room for the instruments of
/// some thirty transports of a process.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class NonParallel
{
    public const string Name = nameof(NonParallel);
}
