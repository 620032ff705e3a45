namespace KestrelFdmTransport.Interop;

/// <summary>Event bits and operations of epoll(7).</summary>
internal static class EpollFlags
{
    internal const uint In = 0x001;
    internal const uint Pri = 0x002;
    internal const uint Out = 0x004;
    internal const uint Err = 0x008;
    internal const uint Hup = 0x010;
    internal const uint RdHup = 0x2000;
    internal const uint Exclusive = 1u << 28;
    internal const uint EdgeTriggered = 1u << 31;

    /// <summary>Registered once per connection and never modified: a MOD costs 240 to 800 ns.</summary>
    internal const uint Connection = In | Out | Pri | RdHup | EdgeTriggered;

    internal const int Add = 1;
    internal const int Delete = 2;
}
