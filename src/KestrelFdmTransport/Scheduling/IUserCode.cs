namespace KestrelFdmTransport.Scheduling;

/// <summary>Something that calls user code, and so may take for ever.</summary>
/// <remarks>Made of structures, so that a callback allocates nothing and calls it directly.</remarks>
internal interface IUserCode
{
    void Run();
}
