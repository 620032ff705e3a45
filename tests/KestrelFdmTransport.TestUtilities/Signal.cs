using System.Threading.Tasks;

namespace KestrelFdmTransport.TestUtilities;

/// <summary>
/// A one-time signal between a handler and its test that never runs the waiter on the setter's stack.
/// </summary>
public sealed class Signal
{
    private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Task => _source.Task;

    public void Set() => _source.TrySetResult();
}
