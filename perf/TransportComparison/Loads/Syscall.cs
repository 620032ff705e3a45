using KestrelFdmTransport.Interop;
using KestrelFdmTransport.TransportComparison.Servers;

namespace KestrelFdmTransport.TransportComparison.Loads;

internal static class Syscall
{
    /// <param name="result">Negative: the error number, negated.</param>
    /// <param name="call">For the message.</param>
    internal static void Check(int result, string call)
    {
        if (result < 0)
        {
            throw new ServerException($"{call}: {SocketErrors.Exception(-result).Message}");
        }
    }
}
