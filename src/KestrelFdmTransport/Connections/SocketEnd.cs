using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Connections;

/// <summary>What a peer sees of the end of a connection. The descriptor stays open.</summary>
internal static class SocketEnd
{
    /// <param name="isUnix">True for a Unix socket, which has no reset.</param>
    /// <param name="reset">True for a reset, false for a FIN.</param>
    internal static void Show(int descriptor, bool isUnix, bool reset)
    {
        if (!reset)
        {
            Sys.Shutdown(descriptor);
        }
        else if (!isUnix)
        {
            if (Sys.ResetConnection(descriptor) < 0)
            {
                // Refused by a sandbox: then the close resets.
                SocketOptions.SetZeroLinger(descriptor);
            }
        }
        else if (Sys.BytesAvailable(descriptor) <= 0)
        {
            // The peer sees a reset if unread data is closed over, and the close does that.
            Sys.Shutdown(descriptor);
        }
    }
}
