using System;
using System.IO.Pipelines;

namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>Throws something else than what <c>Advance</c> must throw.</summary>
internal sealed class ThrowsAnotherTypeWriter(PipeWriter inner) : DelegatingPipeWriter(inner)
{
    public override void Advance(int bytes)
    {
        try
        {
            base.Advance(bytes);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new InvalidOperationException(error.Message, error);
        }
    }
}
