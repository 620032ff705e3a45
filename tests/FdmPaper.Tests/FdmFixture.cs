using System;
using System.Linq;
using KestrelFdmTransport.FdmPaper.Fdm;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Tests;

/// <summary>The sets of a test, under its poll and its clock.</summary>
internal sealed class FdmFixture
{
    public FdmFixture() => Sets = new FdmSets(Poll, () => Now);

    public ScriptedPoll Poll { get; } = new();

    public FdmSets Sets { get; }

    public long Now { get; set; } = 1_000;

    public FdmFixture With(params int[] descriptors)
    {
        Array.ForEach(descriptors, descriptor => Sets.Register(descriptor, PollFlags.In));
        return this;
    }

    /// <summary>Calls with nothing ready.</summary>
    public void CallEmpty(int times)
    {
        Poll.Ready.Clear();
        for (int i = 0; i < times; i++)
        {
            Call();
        }
    }

    /// <summary>One call with these descriptors readable.</summary>
    public int[] CallWith(params int[] readable)
    {
        Poll.Ready.Clear();
        Array.ForEach(readable, descriptor => Poll.Ready.Add(descriptor, PollFlags.In));
        return [.. Call().Select(static delivered => delivered.Descriptor)];
    }

    public FdmEvent[] Call(int size = 16)
    {
        var events = new FdmEvent[size];
        return events[..Sets.Wait(events, 0)];
    }

    /// <summary>Calls with nothing ready until the next call will poll all three sets.</summary>
    public void GoToIdleCall()
    {
        while ((Poll.Calls.Count + 1) % 9 != 0)
        {
            CallEmpty(1);
        }
    }
}
