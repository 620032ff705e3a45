using System;

namespace KestrelFdmTransport.TransportComparison.Servers;

/// <summary>A server or a load is not what it should be: its figures are not reported.</summary>
internal sealed class ServerException : Exception
{
    public ServerException()
    {
    }

    public ServerException(string message)
        : base(message)
    {
    }

    public ServerException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
