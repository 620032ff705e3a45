
using KestrelFdmTransport.Scheduling;

namespace KestrelFdmTransport.Connections;

/// <summary>
/// An operation of a pipe's end that could complete at once and lets others run first (<see cref="CooperativeBudget"/>): it says that it is
/// pending until its continuation is registered, which then finds it complete and goes to the pool.
/// </summary>
/// <remarks>Belongs to the application, which makes one call at a time.</remarks>
internal struct BudgetYield
{
    /// <summary>Code may look at the state a few times before it awaits. Code that looks again and again gets its result too.</summary>
    private const byte MaxLooks = 8;

    private byte _looks;

    /// <summary>The operation, which could complete at once, is to wait. Always true.</summary>
    internal bool Begin()
    {
        _looks = MaxLooks;
        return true;
    }

    /// <summary>Whether the operation still says that it is pending; counts the looks.</summary>
    internal bool Look() => _looks != 0 && --_looks != 0;

    /// <summary>A continuation is about to be registered: from here on it decides.</summary>
    internal void End() => _looks = 0;
}
