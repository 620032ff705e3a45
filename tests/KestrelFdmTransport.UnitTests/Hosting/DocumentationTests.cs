using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Xml.Linq;
using Xunit;

namespace KestrelFdmTransport.UnitTests.Hosting;

/// <summary>
/// The documentation that comes with the library's assembly: what is public, all of it, and nothing else.
/// </summary>
public sealed class DocumentationTests
{
    private const BindingFlags Declared = BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    private static readonly Assembly s_library = typeof(FdmTransportOptions).Assembly;

    private static readonly string[] s_documented =
    [
        .. XDocument.Load(Path.ChangeExtension(s_library.Location, ".xml")).Descendants("member")
        .Select(member => member.Attribute("name")!.Value),
    ];

    [Fact]
    public void Every_public_type_and_member_is_documented()
    {
        HashSet<string> documented = [.. s_documented.Select(Name)];
        Assert.All(Public(), name => Assert.Contains(name, documented));
    }

    [Fact]
    public void Nothing_internal_is_documented()
    {
        HashSet<string> visible =
            [.. Public(), .. s_library.GetExportedTypes().Select(type => $"{type.FullName}.#ctor")];

        Assert.All(s_documented, member => Assert.Contains(Name(member), visible));
    }

    /// <summary>Without the kind and the parameters.</summary>
    private static string Name(string member) => member[2..].Split('(')[0];

    private static IEnumerable<string> Public()
    {
        foreach (Type type in s_library.GetExportedTypes())
        {
            yield return type.FullName!;
            foreach (MemberInfo member in type.GetMembers(Declared))
            {
                bool isPublic = member switch
                {
                    FieldInfo field => field.IsPublic && !field.IsSpecialName,
                    PropertyInfo property => property.GetMethod?.IsPublic == true,
                    MethodInfo method => method.IsPublic && !method.IsSpecialName,
                    _ => false,
                };
                if (isPublic)
                {
                    yield return $"{type.FullName}.{member.Name}";
                }
            }
        }
    }
}
