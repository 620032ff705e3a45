using System;
using KestrelFdmTransport.Hosting;
using KestrelFdmTransport.Interop;
using KestrelFdmTransport.UnitTests.Infrastructure;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

[Collection(NonParallel.Name)]
public sealed class PlatformSupportTests
{
    [Theory]
    [InlineData("EpollCreate", "EMFILE")]
    [InlineData("CreateEventFd", "EMFILE")]
    [InlineData("CreateEventFd", "ENFILE")]
    [InlineData("EpollAdd", "ENOMEM")]
    [InlineData("EpollAdd", "ENOSPC")]
    public void What_could_not_be_found_out_for_want_of_something_is_found_out_later(string call, string error)
    {
        using (new Faults(Enum.Parse<Syscall>(call), error, first: 1))
        {
            Assert.NotNull(PlatformSupport.Run(out bool known));
            Assert.False(known);
        }

        Assert.Null(PlatformSupport.Run(out bool knownThen));
        Assert.True(knownThen);
    }

    [Theory]
    [InlineData("EpollCreate", "ENOSYS")]
    [InlineData("EpollAdd", "EINVAL")]
    [InlineData("Accept", "EPERM")]
    public void What_the_system_lacks_or_forbids_is_known_for_good(string call, string error)
    {
        using var faults = new Faults(Enum.Parse<Syscall>(call), error, first: 1);
        Assert.NotNull(PlatformSupport.Run(out bool known));
        Assert.True(known);
    }
}
