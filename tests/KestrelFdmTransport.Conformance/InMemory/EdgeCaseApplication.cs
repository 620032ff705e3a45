using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Primitives;

namespace KestrelFdmTransport.Conformance.InMemory;

/// <summary>Responses at the edges of what HTTP allows.</summary>
internal static class EdgeCaseApplication
{
    public const string Failure = "The application throws.";

    private const string Unicode = "žluťoučký 漢字 🐎\n";

    public static void Map(WebApplication application)
    {
        application.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = context => context.Response.WriteAsync("handled"),
            SuppressDiagnosticsCallback = _ => true,
        });
        application.Run(AnswerAsync);
    }

    private static Task AnswerAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        switch (context.Request.Path.Value)
        {
            case "/status":
                response.StatusCode = int.Parse(context.Request.Query["code"].ToString());
                return Task.CompletedTask;
            case "/length":
                response.ContentLength = 5;
                return response.WriteAsync("exact");
            case "/zero":
                response.ContentLength = 0;
                return Task.CompletedTask;
            case "/chunks":
                return WriteChunksAsync(response);
            case "/begun":
                return response.Body.FlushAsync();
            case "/unicode":
                response.ContentType = "text/plain; charset=utf-8";
                return response.WriteAsync(Unicode);
            case "/cookies":
                return AppendCookies(response);
            case "/headers":
                return AppendHeaders(response);
            case "/redirect":
                response.Redirect(
                    UriHelper.Encode(new Uri("http://test/ž/target?q=ž#f")), permanent: true, preserveMethod: true);
                return Task.CompletedTask;
            case "/not-modified":
                response.StatusCode = StatusCodes.Status304NotModified;
                response.Headers.ETag = "\"tag\"";
                return Task.CompletedTask;
            case "/callbacks":
                response.OnStarting(() =>
                {
                    response.Headers["X-Late"] = "still in time";
                    return Task.CompletedTask;
                });
                return response.WriteAsync("body");
            case "/handled":
                throw new InvalidOperationException(Failure);
            case "/break":
                return BreakAsync(response);
            case "/echo":
                return EchoAsync(context);
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return response.WriteAsync(
                    $"nothing at {context.Request.PathBase}{context.Request.Path}{context.Request.QueryString}");
        }
    }

    private static async Task WriteChunksAsync(HttpResponse response)
    {
        for (int i = 0; i < 100; i++)
        {
            await response.WriteAsync(new string((char)('a' + (i % 26)), i * 50));
            if (i % 10 == 0)
            {
                await response.Body.FlushAsync();
            }
        }
    }

    private static Task AppendCookies(HttpResponse response)
    {
        response.Cookies.Append("first", "1");
        response.Cookies.Append(
            "second",
            "with space; and ž",
            new CookieOptions { HttpOnly = true, Path = "/p", MaxAge = TimeSpan.FromHours(1) });
        response.Cookies.Append("third", "3", new CookieOptions { SameSite = SameSiteMode.Strict, Secure = true });
        response.Cookies.Delete("fourth");
        return Task.CompletedTask;
    }

    private static Task AppendHeaders(HttpResponse response)
    {
        response.Headers["X-Large"] = new string('v', 8000);
        response.Headers["X-Many"] = new StringValues(["one", "two", "three"]);
        response.Headers["X-Empty"] = "";
        response.Headers["X-Comma"] = "a, b;c=\"d, e\"";
        response.Headers["x-LOWER-upper"] = "case";
        response.Headers.CacheControl = "no-cache, no-store";
        response.Headers.ContentLanguage = "en";
        response.ContentType = "application/x-awkward";
        for (int i = 0; i < 100; i++)
        {
            response.Headers[$"X-Number-{i}"] = $"{i}";
        }

        return response.WriteAsync("after the headers");
    }

    private static async Task BreakAsync(HttpResponse response)
    {
        await response.WriteAsync("begun");
        await response.Body.FlushAsync();
        throw new InvalidOperationException(Failure);
    }

    private static async Task EchoAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        using var body = new StreamReader(request.Body, Encoding.UTF8);
        var text = new StringBuilder()
            .Append($"{request.Method} {request.Scheme} {request.Host} {request.Path.Value} {request.QueryString}\n")
            .Append($"{await body.ReadToEndAsync()}\n");
        foreach ((string name, StringValues values) in request.Query.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            text.Append($"{name}={string.Join('|', (IEnumerable<string?>)values)}\n");
        }

        foreach ((string name, StringValues values)
            in request.Headers.OrderBy(pair => pair.Key, StringComparer.OrdinalIgnoreCase))
        {
            // How a client spells names and lists is its own affair.
            text.Append($"{name.ToLowerInvariant()}: {string.Join(", ", (IEnumerable<string?>)values)}\n");
        }

        await context.Response.WriteAsync(text.ToString());
    }
}
