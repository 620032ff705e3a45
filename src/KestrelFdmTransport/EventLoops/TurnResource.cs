namespace KestrelFdmTransport.EventLoops;

/// <summary>Something that a loop's owner may hoard during a turn and must give back before the loop blocks.</summary>
internal abstract class TurnResource
{
    /// <summary>True while the resource is on its loop's list. Loop only.</summary>
    internal bool Enlisted { get; set; }

    internal abstract void Release();
}
