using System.Collections.Generic;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Hosting;

/// <summary>
/// Starts the options with the application's values for the Sockets transport and with the configuration section. So
/// every <c>Configure</c> call comes after both, whenever it was registered.
/// </summary>
internal sealed class FdmTransportOptionsFactory : OptionsFactory<FdmTransportOptions>
{
    private readonly IOptions<SocketTransportOptions> _sockets;
    private readonly IConfiguration? _configuration;

    public FdmTransportOptionsFactory(
        IEnumerable<IConfigureOptions<FdmTransportOptions>> setups,
        IEnumerable<IPostConfigureOptions<FdmTransportOptions>> postConfigures,
        IEnumerable<IValidateOptions<FdmTransportOptions>> validations,
        IOptions<SocketTransportOptions> sockets,
        IConfiguration? configuration)
        : base(setups, postConfigures, validations)
    {
        _sockets = sockets;
        _configuration = configuration;
    }

    protected override FdmTransportOptions CreateInstance(string name)
    {
        SocketTransportOptions sockets = _sockets.Value;
        var options = new FdmTransportOptions
        {
            Backlog = sockets.Backlog,
            NoDelay = sockets.NoDelay,
            MaxReadBufferSize = sockets.MaxReadBufferSize,
            MaxWriteBufferSize = sockets.MaxWriteBufferSize,
            CreateBoundListenSocket = sockets.CreateBoundListenSocket,
        };
        if (sockets.UnsafePreferInlineScheduling)
        {
            options.Scheduling = ApplicationScheduling.Inline;
        }

        if (_configuration is not null)
        {
            OptionsTable.Apply(_configuration.GetSection(OptionsTable.SectionName), options);
        }

        return options;
    }
}
