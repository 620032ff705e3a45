namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>A step that fails.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Number">The how many-th of its kind in the run, from 1.</param>
internal sealed record FaultyStep(string Kind, int Number)
{
    public override string ToString() => $"{Kind} {Number}";
}
