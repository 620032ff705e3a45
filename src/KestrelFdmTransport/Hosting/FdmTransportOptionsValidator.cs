using System;
using System.Collections.Generic;
using Microsoft.Extensions.Options;

namespace KestrelFdmTransport.Hosting;

/// <summary>Reports every option whose value is not allowed.</summary>
internal sealed class FdmTransportOptionsValidator : IValidateOptions<FdmTransportOptions>
{
    public ValidateOptionsResult Validate(string? name, FdmTransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<string> failures = OptionsTable.GetFailures(options);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    internal static void ThrowIfInvalid(FdmTransportOptions options)
    {
        List<string> failures = OptionsTable.GetFailures(options);
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(FdmTransportOptions), failures);
        }
    }
}
