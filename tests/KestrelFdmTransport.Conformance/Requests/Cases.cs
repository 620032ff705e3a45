using System;
using System.Collections.Generic;
using KestrelFdmTransport.Conformance.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.Conformance.Requests;

/// <summary>Every combination of a transport and other data.</summary>
internal static class Cases
{
    public static TheoryData<TransportKind, T> Cross<T>(TheoryData<TransportKind> transports, IReadOnlyList<T> values)
    {
        var data = new TheoryData<TransportKind, T>();
        foreach (TransportKind transport in transports)
        {
            foreach (T value in values)
            {
                data.Add(transport, value);
            }
        }

        return data;
    }

    public static TheoryData<TransportKind, T1, T2> Cross<T1, T2>(
        TheoryData<TransportKind> transports,
        IReadOnlyList<T1> first,
        IReadOnlyList<T2> second,
        Func<T1, T2, bool>? exists = null)
    {
        var data = new TheoryData<TransportKind, T1, T2>();
        foreach (TransportKind transport in transports)
        {
            foreach (T1 value in first)
            {
                foreach (T2 other in second)
                {
                    if (exists is null || exists(value, other))
                    {
                        data.Add(transport, value, other);
                    }
                }
            }
        }

        return data;
    }
}
