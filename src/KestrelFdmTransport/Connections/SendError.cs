using System;

namespace KestrelFdmTransport.Connections;

/// <summary>What first went wrong in sending.</summary>
/// <param name="Kind">Decides how the connection ends.</param>
internal sealed record SendError(SendErrorKind Kind, Exception Error);
