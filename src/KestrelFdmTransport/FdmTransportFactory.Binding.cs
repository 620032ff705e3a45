using System.Reflection;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace KestrelFdmTransport;

/// <content>The factory as the parameter of a route handler.</content>
/// <remarks>
/// ASP.NET Core takes every method of the name <c>BindAsync</c> on a parameter's type, those of its interfaces too, for
/// one that makes the parameter from the request, and no route works if it is none. This one is, and it has precedence.
/// </remarks>
public sealed partial class FdmTransportFactory : IBindableFromHttpContext<FdmTransportFactory>
{
    /// <summary>The factory that is registered; null, which a handler may allow, if there is none.</summary>
    static ValueTask<FdmTransportFactory?> IBindableFromHttpContext<FdmTransportFactory>.BindAsync(
        HttpContext context,
        ParameterInfo parameter)
        => new(context.RequestServices.GetService<FdmTransportFactory>());
}
