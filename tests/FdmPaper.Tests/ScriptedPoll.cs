using System;
using System.Collections.Generic;
using KestrelFdmTransport.FdmPaper.Fdm;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Tests;

/// <summary>A <c>poll()</c> that returns what the test says, and remembers what it was asked.</summary>
internal sealed class ScriptedPoll : IPoll
{
    /// <summary>What is ready, until the test takes it out.</summary>
    public Dictionary<int, short> Ready { get; } = [];

    /// <summary>The descriptors of each call, in order.</summary>
    public List<int[]> Calls { get; } = [];

    /// <summary>The interest of each descriptor when it was last asked about.</summary>
    public Dictionary<int, short> Interests { get; } = [];

    public int Poll(Span<PollDescriptor> descriptors, int timeoutMilliseconds)
    {
        int[] asked = new int[descriptors.Length];
        int found = 0;
        for (int i = 0; i < descriptors.Length; i++)
        {
            asked[i] = descriptors[i].Descriptor;
            Interests[descriptors[i].Descriptor] = descriptors[i].Events;
            descriptors[i].Returned = Ready.GetValueOrDefault(descriptors[i].Descriptor);
            found += descriptors[i].Returned != 0 ? 1 : 0;
        }

        Calls.Add(asked);
        return found;
    }
}
