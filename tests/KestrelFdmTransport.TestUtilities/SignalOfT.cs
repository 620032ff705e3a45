using System.Threading.Tasks;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>A value that a handler hands to its test, without running the test on the handler's stack.</summary>
public sealed class Signal<T>
{
    private readonly TaskCompletionSource<T> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => _source.Task;

    public void Set(T value) => _source.TrySetResult(value);
}
