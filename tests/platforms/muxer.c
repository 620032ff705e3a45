// The dotnet command, as far as tests need it: finds libhostfxr.so beside itself and hands everything over. Packages have no such file.
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, const char **argv)
{
    char self[PATH_MAX] = { 0 }, root[PATH_MAX], library[PATH_MAX + 64], application[PATH_MAX + 64];
    const char *named = getenv("MUXER_SELF"); // under an emulator /proc/self/exe is the emulator
    if (named) strncpy(self, named, sizeof self - 1);
    else if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return 1;
    strcpy(root, self);
    *strrchr(root, '/') = 0;
    snprintf(library, sizeof library, "%s/host/fxr/%s/libhostfxr.so", root, VERSION);
    snprintf(application, sizeof application, "%s/dotnet.dll", root);
    void *handle = dlopen(library, RTLD_NOW);
    if (!handle) { fprintf(stderr, "%s\n", dlerror()); return 2; }
    int (*run)(int, const char **, const char *, const char *, const char *) = dlsym(handle, "hostfxr_main_startupinfo");
    if (!run) { fprintf(stderr, "%s\n", dlerror()); return 3; }
    return run(argc, argv, self, root, application);
}
