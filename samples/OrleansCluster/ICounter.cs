namespace OrleansCluster;

public interface ICounter : IGrainWithIntegerKey
{
    Task<int> Add(int number);

    /// <summary>The name of the silo that has this grain.</summary>
    Task<string> Where();
}
