using System.Collections.Generic;

namespace KestrelFdmTransport.FdmPaper.Reporting;

/// <summary>A table for people and for a file.</summary>
internal sealed record Table(string Title, IReadOnlyList<string> Headers, IReadOnlyList<IReadOnlyList<string>> Rows);
