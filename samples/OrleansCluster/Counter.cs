namespace OrleansCluster;

public sealed class Counter(ILocalSiloDetails silo) : Grain, ICounter
{
    private int _sum;

    public Task<int> Add(int number) => Task.FromResult(_sum += number);

    public Task<string> Where() => Task.FromResult(silo.Name);
}
