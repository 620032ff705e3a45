// What Debian's libstdc++.so.6, libgcc_s.so.1, libssl.so.3 and libcrypto.so.3 ask of glibc and musl 1.2.3 lacks. With it they serve a .NET for musl.
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

// libstdc++: one thread is a special case there; here it never is.
char __libc_single_threaded = 0;

uint32_t arc4random(void)
{
    uint32_t value;
    getrandom(&value, sizeof value, 0);
    return value;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *time, locale_t locale)
{
    return strftime_l(text, size, format, time, locale);
}

// Destructors of C++ thread-locals run when their thread ends.
struct destructor { void (*run)(void *); void *object; struct destructor *next; };
static pthread_key_t destructors;
static pthread_once_t destructors_once = PTHREAD_ONCE_INIT;

static void run_destructors(void *first)
{
    while (first) {
        struct destructor *one = first;
        pthread_setspecific(destructors, one->next);
        one->run(one->object);
        free(one);
        first = pthread_getspecific(destructors);
    }
}

static void make_destructors(void) { pthread_key_create(&destructors, run_destructors); }

int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *library)
{
    pthread_once(&destructors_once, make_destructors);
    struct destructor *one = malloc(sizeof *one);
    if (!one) return -1;
    one->run = run;
    one->object = object;
    one->next = pthread_getspecific(destructors);
    pthread_setspecific(destructors, one);
    return 0;
}

// libgcc: where the unwind table of an address is.
struct dl_find_object { unsigned long long flags; void *start, *end, *map, *eh_frame; unsigned long long reserved[7]; };
struct search { uintptr_t address; struct dl_find_object *found; };

static int look_into(struct dl_phdr_info *library, size_t size, void *data)
{
    struct search *search = data;
    int inside = 0;
    uintptr_t lowest = -1, highest = 0;
    void *table = 0;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = library->dlpi_phdr + i;
        uintptr_t start = library->dlpi_addr + segment->p_vaddr, end = start + segment->p_memsz;
        if (segment->p_type == PT_LOAD) {
            if (search->address >= start && search->address < end) inside = 1;
            if (start < lowest) lowest = start;
            if (end > highest) highest = end;
        }
        if (segment->p_type == PT_GNU_EH_FRAME) table = (void *)start;
    }
    if (!inside || !table) return 0;
    search->found->flags = 0;
    search->found->start = (void *)lowest;
    search->found->end = (void *)highest;
    search->found->map = 0;
    search->found->eh_frame = table;
    return 1;
}

int _dl_find_object(void *address, struct dl_find_object *found)
{
    struct search search = { (uintptr_t)address, found };
    return dl_iterate_phdr(look_into, &search) ? 0 : -1;
}

// libgcc has these two itself, under a version that musl's loader passes over.
struct { unsigned int vendor, type, subtype, features[1]; } __cpu_model;
unsigned int __cpu_features2[4];
int __cpu_indicator_init(void) { return 0; }

// OpenSSL: fortified names, and contexts, which only its asynchronous jobs use and .NET does not.
long __fdelt_chk(long descriptor)
{
    if (descriptor < 0 || descriptor >= 1024) abort();
    return descriptor / 64;
}

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list arguments) { return vfprintf(file, format, arguments); }

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = vfprintf(file, format, arguments);
    va_end(arguments);
    return result;
}

int __sprintf_chk(char *text, int flag, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return result;
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}

void *__memcpy_chk(void *to, const void *from, size_t count, size_t room) { return memcpy(to, from, count); }
void *__memset_chk(void *to, int value, size_t count, size_t room) { return memset(to, value, count); }
char *__strcat_chk(char *to, const char *from, size_t room) { return strcat(to, from); }

int getcontext(void *context) { errno = ENOSYS; return -1; }
int setcontext(const void *context) { errno = ENOSYS; return -1; }
void makecontext(void *context, void (*run)(void), int count, ...) { }
