using System;
using KestrelFdmTransport.Diagnostics;
using Microsoft.AspNetCore.Connections;

namespace KestrelFdmTransport.Connections;

/// <summary>What first went wrong in sending.</summary>
/// <param name="Kind">Decides how the connection ends.</param>
/// <param name="Error">The cause.</param>
internal sealed record SendError(SendErrorKind Kind, Exception Error)
{
    /// <summary>Ends the connection, or on a stream its output alone.</summary>
    internal void End(ConnectionIo io)
    {
        switch (Kind)
        {
            case SendErrorKind.Unexpected:
                io.Fail(Error);
                break;
            case SendErrorKind.Reset or SendErrorKind.KernelError when io.Settings.IsStream:
                Log.ConnectionError(io.Settings.Logger, io.Connection.ConnectionId, Error);
                io.Writer.CompleteConsumer(Error);
                break;
            case SendErrorKind.Reset:
                Log.ConnectionReset(io.Settings.Logger, io.Connection.ConnectionId);
                io.Abort(new ConnectionResetException(Error.Message, Error));
                break;
            case SendErrorKind.KernelError:
                Log.ConnectionError(io.Settings.Logger, io.Connection.ConnectionId, Error);
                io.Abort(Error);
                break;
            default:
                io.Abort(Error);
                break;
        }
    }
}
