namespace KestrelFdmTransport.UnitTests.PipeContract;

/// <summary>
/// One intended operation. A duel turns the numbers into arguments that are defined in the state it is in, and passes
/// over a step that has no defined meaning there, so any selection of steps is a program again.
/// </summary>
internal readonly record struct Step<TAction>(TAction Action, int Size, int Other, TokenChoice Token, bool Attach);
