namespace KestrelFdmTransport.Scheduling;

/// <summary>How many threads a group of loops may have beside the loops' own.</summary>
/// <param name="Loops">The number of loops.</param>
/// <param name="Standbys">The maximum number of stalled callbacks while loops still run application code.</param>
/// <param name="Blocking">The maximum number of threads of the blocking pool.</param>
/// <param name="Headroom">Decides whether one more thread may be started.</param>
internal sealed record ThreadLimits(int Loops, int Standbys, int Blocking, ThreadHeadroom Headroom);
