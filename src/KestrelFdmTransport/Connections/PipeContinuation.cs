using System;
using System.Threading;

namespace KestrelFdmTransport.Connections;

/// <summary>What runs when a wait ends.</summary>
internal readonly record struct PipeContinuation(Action<object?> Callback, object? State, ExecutionContext? Context);
