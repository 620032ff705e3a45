using KestrelFdmTransport.Interop;

namespace KestrelFdmTransport.Endpoints;

/// <summary>The system calls on a listen descriptor that accept clients.</summary>
/// <param name="inheritsOptions">True if the application, or another process, has made the socket, whose options
/// clients inherit.</param>
internal sealed class ListenDescriptor(int value, bool inheritsOptions)
{
    /// <summary>Clients that are rejected at a time, so that the loop does not do this alone.</summary>
    private const int MaxRejects = 64;

    /// <summary>True if the socket has been shut down: the application has disposed of it.</summary>
    internal bool HasHungUp => Sys.HasHungUp(value);

    /// <summary>Accepts a client.</summary>
    /// <returns>Its descriptor, or the negated error number.</returns>
    internal unsafe int Accept(byte* address, int* length)
    {
        if (inheritsOptions)
        {
            // Of loops that are woken for one client all but one find none, and must not sleep in accept4 until the
            // next one comes.
            Sys.MakeNonBlocking(value);
        }

        return Sys.Accept(value, address, length);
    }

    /// <summary>
    /// Closes a descriptor that was accepted and has become no connection. It may have inherited an <c>SO_LINGER</c>
    /// time.
    /// </summary>
    internal void Close(int client)
    {
        if (inheritsOptions)
        {
            SocketOptions.ClearLingerTime(client);
        }

        Sys.Close(client);
    }

    /// <summary>
    /// Accepts and closes clients: they learn at once that they are not served, rather than by their own timeouts.
    /// </summary>
    internal unsafe void RejectWaiting()
    {
        for (int i = 0; i < MaxRejects; i++)
        {
            int client = Accept(null, null);
            if (client < 0)
            {
                return;
            }

            Close(client);
        }
    }
}
