using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace KestrelFdmTransport.Conformance.Infrastructure;

/// <summary>Every combination of a transport and other data.</summary>
internal static class Cases
{
    public static TheoryData<TransportKind, T> Cross<T>(IEnumerable<object?[]> transports, IEnumerable<T> values)
    {
        var data = new TheoryData<TransportKind, T>();
        foreach (TransportKind transport in transports.Select(row => (TransportKind)row[0]!))
        {
            foreach (T value in values)
            {
                data.Add(transport, value);
            }
        }

        return data;
    }

    public static TheoryData<TransportKind, T1, T2> Cross<T1, T2>(
        IEnumerable<object?[]> transports,
        IReadOnlyList<T1> first,
        IReadOnlyList<T2> second,
        Func<T1, T2, bool>? exists = null)
    {
        var data = new TheoryData<TransportKind, T1, T2>();
        foreach (TransportKind transport in transports.Select(row => (TransportKind)row[0]!))
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
