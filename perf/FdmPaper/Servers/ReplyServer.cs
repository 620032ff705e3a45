using System.Net.Sockets;
using KestrelFdmTransport.FdmPaper.Interop;

namespace KestrelFdmTransport.FdmPaper.Servers;

/// <summary>One thread that answers everything with one reply; only the multiplexers differ.</summary>
internal sealed class ReplyServer(Socket listener, IMultiplexer multiplexer)
{
    private const int MaxEvents = 512;

    private readonly byte[] _buffer = new byte[4096];

    internal void Run()
    {
        int listening = (int)listener.Handle;
        int[] ready = new int[MaxEvents];
        multiplexer.Add(listening, isListener: true);
        while (true)
        {
            int count = multiplexer.Wait(ready);
            for (int i = 0; i < count; i++)
            {
                if (ready[i] == listening)
                {
                    AcceptAll(listening);
                }
                else
                {
                    Answer(ready[i]);
                }
            }
        }
    }

    private void AcceptAll(int listening)
    {
        int accepted;
        while ((accepted = Sys.Accept(listening)) >= 0)
        {
            multiplexer.Add(accepted, isListener: false);
        }
    }

    private void Answer(int descriptor)
    {
        int received = Sys.Receive(descriptor, _buffer);
        if (received == Sys.Again)
        {
            return;
        }

        // A client has one request outstanding at most, so a reply that does not fit at once means that it is gone.
        if (received <= 0 || Sys.Send(descriptor, Reply.Bytes) != Reply.Bytes.Length)
        {
            multiplexer.Remove(descriptor);
            Sys.Close(descriptor);
        }
    }
}
