using Xunit;

namespace KestrelFdmTransport.Conformance.Fdm;

/// <summary>Cases that count the threads and descriptors of the process, with nothing beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class NonParallel
{
    public const string Name = "Process-wide counts";
}
