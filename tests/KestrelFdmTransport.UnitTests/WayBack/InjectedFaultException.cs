using System;

namespace KestrelFdmTransport.UnitTests.WayBack;

/// <summary>What user code throws in place of doing what it is called for.</summary>
internal sealed class InjectedFaultException(string step) : Exception($"The test has {step} fail.");
