using System;
using System.Threading;

namespace KestrelFdmTransport.EventLoops;

/// <content>What other threads leave for the loop.</content>
internal sealed partial class EventLoop
{
    /// <summary>Sources whose mail is read before those that are ready have another turn; and so, at most, how many are closed in a turn.</summary>
    private const int MailShare = 256;

    private bool HasMail => _mailInHand is not null || !_mailbox.IsEmpty;

    /// <summary>Puts a source with mail into the mailbox and wakes the loop if it sleeps. Any thread.</summary>
    internal void Deliver(IoSource source)
    {
        _mailbox.Push(source);
        WakeIfSleeping();
        if (Volatile.Read(ref _ended) != 0)
        {
            QueueLateMail();
        }
    }

    private bool ReadMail(CallbackScope scope)
    {
        if (_mailInHand is null && !_mailbox.IsEmpty)
        {
            _mailInHand = _mailbox.TakeAll();
        }

        for (int i = 0; i < MailShare && _mailInHand is { } source; i++)
        {
            // The link is read before the mail is taken: afterwards another thread may push the source again.
            _mailInHand = source.NextMail;
            source.NextMail = null;
            if (TryForward(source))
            {
                continue;
            }

            if (!Deliver(scope, source, source.TakeMail()))
            {
                return false;
            }
        }

        _phase = Phase.Resume;
        return true;
    }

    /// <summary>Mail of a source that has moved: it has a place in one mailbox at a time, and this was it.</summary>
    private bool TryForward(IoSource source)
    {
        EventLoop home = source.Loop;
        if (home == this)
        {
            return false;
        }

        home.Deliver(source);
        return true;
    }

    private bool Deliver(CallbackScope scope, IoSource source, Mail mail)
    {
        Notice notice = Handle(source, mail);
        _currentPayload = source.Payload;
        return notice.IsNothing || Tell(scope, source, notice);
    }

    private static Notice Handle(IoSource source, Mail mail)
    {
        try
        {
            return source.OnMail(mail);
        }
        catch (Exception exception)
        {
            return new Notice(Notice.Failed, null, exception);
        }
    }
}
