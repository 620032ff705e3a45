using System;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Xunit;

namespace KestrelFdmTransport.Conformance.MisbehavingClients;

/// <summary>One byte with a descriptor (SCM_RIGHTS), which .NET has no way to send.</summary>
internal static unsafe partial class DescriptorMessage
{
    private const int Rights = 1;
    private const int SocketLevel = 1;

    public static void Send(Socket socket, byte value, SafeHandle descriptor)
    {
        var part = new Part { Bytes = &value, Length = 1 };
        var control = new Control
        {
            Length = (nuint)Marshal.OffsetOf<Control>(nameof(Control.Descriptor)) + sizeof(int),
            Level = SocketLevel,
            Type = Rights,
            Descriptor = (int)descriptor.DangerousGetHandle(),
        };
        var message =
            new Message { Parts = &part, PartCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
        Assert.Equal(1, SendMessage((int)socket.Handle, &message, 0));
        GC.KeepAlive(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "sendmsg")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint SendMessage(int socket, Message* message, int flags);

    /// <summary>struct iovec</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public byte* Bytes;
        public nuint Length;
    }

    /// <summary>struct cmsghdr and what follows it</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Control
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
    }

    /// <summary>struct msghdr</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public byte* Name;
        public uint NameLength;
        public Part* Parts;
        public nuint PartCount;
        public Control* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
