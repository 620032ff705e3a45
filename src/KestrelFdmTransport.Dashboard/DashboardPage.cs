using System;
using System.IO;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;

namespace KestrelFdmTransport.Dashboard;

/// <summary>The page: one file, which may load nothing but its events.</summary>
internal static class DashboardPage
{
    private static readonly byte[] s_page = Read();
    private static readonly string s_policy = ContentSecurityPolicy(Encoding.UTF8.GetString(s_page));

    internal static async Task ServeAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = s_page.Length;
        response.Headers.ContentSecurityPolicy = s_policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.CacheControl = "no-store";
        await response.Body.WriteAsync(s_page, context.RequestAborted).ConfigureAwait(false);
    }

    private static byte[] Read()
    {
        using Stream resource = Assembly.GetExecutingAssembly().GetManifestResourceStream("dashboard.html")!;
        byte[] page = new byte[resource.Length];
        resource.ReadExactly(page);
        return page;
    }

    private static string ContentSecurityPolicy(string page)
        => $"default-src 'none'; script-src '{Hash(page, "script")}'; style-src '{Hash(page, "style")}'; "
            + "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>The hash of the only element of that name.</summary>
    private static string Hash(string page, string element)
    {
        int start = page.IndexOf($"<{element}>", StringComparison.Ordinal) + element.Length + 2;
        int end = page.IndexOf($"</{element}>", start, StringComparison.Ordinal);
        return "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(page[start..end])));
    }
}
