using Xunit;

namespace KestrelFdmTransport.UnitTests.Infrastructure;

/// <summary>
/// Tests whose threads must really run at the same time: one test after the other, and nothing else beside them. On two
/// CPUs a race hardly ever meets otherwise.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class NonParallel
{
    public const string Name = nameof(NonParallel);
}
