namespace KestrelFdmTransport.Balancing;

/// <summary>What one loop can give to another.</summary>
/// <typeparam name="TLoop">The loop.</typeparam>
internal interface IMigratable<in TLoop>
    where TLoop : class, IBalancedLoop
{
    /// <summary>
    /// Goes to another loop if nothing is under way. Afterwards it belongs to that loop's owner. Owner only.
    /// </summary>
    bool TryMigrateTo(TLoop destination);
}
