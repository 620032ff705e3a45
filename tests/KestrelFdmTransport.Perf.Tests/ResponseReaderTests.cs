using System;
using System.Text;
using KestrelFdmTransport.TransportComparison.Loads;
using KestrelFdmTransport.TransportComparison.Servers;
using Xunit;

namespace KestrelFdmTransport.Perf.Tests;

public sealed class ResponseReaderTests
{
    private const string Response = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nServer: x\r\n\r\nHello, World!";

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Responses_are_counted_in_pieces_of_any_length(int length)
    {
        var reader = new ResponseReader();
        ReadOnlySpan<byte> all = Encoding.ASCII.GetBytes(Response + Response + Response);
        int complete = 0;
        while (!all.IsEmpty)
        {
            ReadOnlySpan<byte> piece = all[..Math.Min(length, all.Length)];
            all = all[piece.Length..];
            while (!piece.IsEmpty && reader.TryReadOne(ref piece))
            {
                complete++;
            }
        }

        Assert.Equal(3, complete);
    }

    [Theory]
    [InlineData("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
    public void Other_answers_are_refused(string response) => Assert.Throws<ServerException>(() =>
    {
        ReadOnlySpan<byte> data = Encoding.ASCII.GetBytes(response);
        new ResponseReader().TryReadOne(ref data);
    });
}
