using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Dashboard.Tests;

/// <summary>Believes what the header X-Role says.</summary>
internal sealed class HeaderAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory logger,
    UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string Header = "X-Role";
    public const string Policy = "Operators";

    public static void AddTo(WebApplicationBuilder builder)
    {
        builder.WebHost.UseFdmTransport();
        builder.Services.AddAuthentication("Header")
            .AddScheme<AuthenticationSchemeOptions, HeaderAuthentication>("Header", configureOptions: null);
        builder.Services.AddAuthorizationBuilder().AddPolicy(Policy, policy => policy.RequireRole("operator"));
    }

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        string role = Request.Headers[Header].ToString();
        if (role.Length == 0)
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Role, role)], Scheme.Name));
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(user, Scheme.Name)));
    }
}
