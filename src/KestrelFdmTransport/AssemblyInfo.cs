using System.Runtime.CompilerServices;

// Every import is blittable; without this attribute the generated stubs would ask the runtime's marshaller.
[assembly: DisableRuntimeMarshalling]
