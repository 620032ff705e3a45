using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <summary>Something with a descriptor that a loop watches: a connection or a listen socket.</summary>
internal abstract class IoSource
{
    private int _mail;

    /// <summary>The loop that owns the source. Set before the source is registered.</summary>
    internal EventLoop Loop { get; init; } = null!;

    /// <summary>Slot and generation; zero until registered. Loop only.</summary>
    internal ulong Payload { get; set; }

    /// <summary>Event bits harvested and not yet served. Loop only.</summary>
    internal uint PendingEvents { get; set; }

    /// <summary>Link of the loop's mailbox; belongs to whoever set the first mail bit.</summary>
    internal IoSource? NextMail { get; set; }

    /// <summary>Leaves a message for the loop's owner. Any thread.</summary>
    internal void Post(Mail mail)
    {
        if (Interlocked.Or(ref _mail, (int)mail) == 0)
        {
            Loop.Deliver(this);
        }
    }

    /// <summary>Takes all messages; from here on a new one puts the source into the mailbox again.</summary>
    internal Mail TakeMail() => (Mail)Interlocked.Exchange(ref _mail, 0);

    /// <summary>Handles what is ready. On the loop's thread, at the top of its stack: callbacks may run inline.</summary>
    internal abstract void Serve(uint events);

    /// <summary>Handles messages. On the loop's thread, at the top of its stack.</summary>
    internal abstract void OnMail(Mail mail);

    /// <summary>Releases the descriptor, after the turn's last event. On the loop's thread; foreign code must not run here.</summary>
    internal abstract void Close();

    /// <summary>Something unexpected was thrown while serving the source: it costs the source, not the loop.</summary>
    internal abstract void Fail(Exception cause);

    /// <summary>The loop is ending.</summary>
    internal abstract void Stop();

    /// <summary>Sends what a callback has flushed and its thread has not sent yet. Any thread.</summary>
    internal virtual void SendDeferred()
    {
    }
}
