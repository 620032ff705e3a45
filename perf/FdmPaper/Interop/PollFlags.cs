namespace KestrelFdmTransport.FdmPaper.Interop;

internal static class PollFlags
{
    internal const short In = 0x001;
    internal const short Out = 0x004;
    internal const short Err = 0x008;
    internal const short Hup = 0x010;
    internal const short Invalid = 0x020;

    /// <summary>FDM's own: the descriptor's deadline has passed.</summary>
    internal const short Timeout = 0x800;
}
