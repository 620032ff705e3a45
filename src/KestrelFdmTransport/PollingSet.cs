#pragma warning disable CA1028 // A byte: one per connection lies in a packed array.
namespace KestrelFdmTransport;

/// <summary>The ready queue that a connection's live counter puts it in.</summary>
public enum PollingSet : byte
{
    /// <summary>Events came often lately: dispatched first, and all of them in every iteration.</summary>
    Hot,

    /// <summary>Seen a moment ago.</summary>
    Warm,

    /// <summary>All others.</summary>
    Cold,
}
