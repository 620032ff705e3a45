using System;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KestrelFdmTransport.Conformance.Protocols.Tls;

internal static class NamedCertificate
{
    /// <summary>A certificate that is its own authority, for one DNS name.</summary>
    public static X509Certificate2 Create(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
