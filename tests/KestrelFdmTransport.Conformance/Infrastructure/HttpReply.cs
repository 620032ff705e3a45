using System.Collections.Generic;
using System.Text;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>One response as it came over the wire.</summary>
internal sealed record HttpReply(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}
