using KestrelFdmTransport.EventLoops;

namespace KestrelFdmTransport.Connections;

/// <content>Where the application's continuations run.</content>
internal sealed partial class ConnectionIo
{
    private CallbackCost _cost;

    /// <summary>Runs a continuation of the application, in a scope that lets its flushes wait for its end.</summary>
    internal void Run(in PipeContinuation continuation)
        => CallbackScope.Run(this, continuation.Callback, continuation.State, continuation.Context);

    /// <summary>For a continuation that the loop makes run, at the top of its stack.</summary>
    internal Placement Place()
    {
        if (!Settings.Adapts)
        {
            return Settings.RunsInline ? Placement.Inline : Placement.Pool;
        }

        Placement placement = _cost.Place();
        return placement == Placement.Inline && (Loop.IsStalling || Loop.Group.Standbys.IsExhausted) ? Placement.Pool : placement;
    }

    /// <summary>For a continuation that an application's call or a foreign thread makes run: never here.</summary>
    internal Placement PlaceElsewhere()
        => Settings.Adapts && _cost.Place() == Placement.BlockingLane ? Placement.BlockingLane : Placement.Pool;

    internal override void Account(long ticks)
    {
        if (!Settings.Adapts)
        {
            return;
        }

        _cost.Add(ticks);
        if (ticks >= CallbackCost.Blocked)
        {
            // Where this endpoint's callbacks are known to block, one that takes long elsewhere is taken for another of them: on the
            // pool it would never be found out.
            if (_cost.Blocks)
            {
                Settings.Endpoint.OnBlocked();
            }
            else if (Settings.Endpoint.Blocks)
            {
                _cost.OnStalled(computes: false);
            }
        }
    }

    internal override void OnStalled(bool computes)
    {
        _cost.OnStalled(computes);
        if (!computes)
        {
            Settings.Endpoint.OnBlocked();
        }
    }
}
