namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>The paper's servers answered with 1 KB.</summary>
internal static class Reply
{
    internal const int RequestLength = 64;

    internal static readonly byte[] Bytes = new byte[1024];
}
