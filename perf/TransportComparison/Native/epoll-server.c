// The limit: an epoll server that does nothing but recv, count requests, and send one canned answer for all of them.
//   epoll-server <loops> <steps per microsecond of work>
// It knows just enough HTTP/1.1 for the comparison: a request ends at its first empty line, all requests of one packet want
// the same, and an answer fits into the socket's buffer. It ends when its standard input ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LOOPS 64
#define MAX_BATCH 64

// As long as Kestrel's.
static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n"
    "Date: Sun, 22 Nov 2026 18:14:22 GMT\r\nServer: Kestrel\r\n\r\nHello, World!";
static const char last_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    "Date: Sun, 22 Nov 2026 18:14:22 GMT\r\nServer: Kestrel\r\n\r\nHello, World!";
enum { answer_length = sizeof answer - 1 };

enum kind { input, http_listener, raw_listener, http, raw };

struct source {
  int descriptor;
  enum kind kind;
  int matched; // bytes of the empty line seen so far
};

static char batch[MAX_BATCH * answer_length];
static int epolls[MAX_LOOPS];
static int loops;
static long steps_per_microsecond;
static volatile uint64_t sink;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void work(long steps) {
  uint64_t x = 88172645463325252ull;
  for (long i = 0; i < steps; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  sink = x;
}

static void add(int epoll, struct source *source) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, source->descriptor, &event) < 0) fail("epoll_ctl");
}

static struct source *new_source(int descriptor, enum kind kind) {
  struct source *source = calloc(1, sizeof *source);
  if (source == NULL) fail("calloc");
  source->descriptor = descriptor;
  source->kind = kind;
  return source;
}

static int listen_on(enum kind kind) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int one = 1;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // the connections inherit it
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 512) < 0) fail("listen");
  getsockname(listener, (struct sockaddr *)&address, &length);
  add(epolls[0], new_source(listener, kind));
  return ntohs(address.sin_port);
}

// The first loop accepts for all.
static void accept_all(struct source *listener) {
  static int next;
  int descriptor;
  while ((descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    add(epolls[next++ % loops], new_source(descriptor, listener->kind == http_listener ? http : raw));
  }
}

static void end(struct source *source) {
  close(source->descriptor);
  free(source);
}

static int count_requests(struct source *source, const char *bytes, ssize_t length) {
  static const char empty_line[] = "\r\n\r\n";
  int requests = 0;
  if (source->matched == 0 && length >= 4 && memcmp(bytes + length - 4, empty_line, 4) == 0) {
    // Whole requests, as nearly always.
    for (const char *at = bytes; (at = memmem(at, bytes + length - at, empty_line, 4)) != NULL; at += 4) requests++;
    return requests;
  }
  for (ssize_t i = 0; i < length; i++) {
    source->matched = bytes[i] == empty_line[source->matched] ? source->matched + 1 : bytes[i] == '\r';
    if (source->matched == 4) {
      requests++;
      source->matched = 0;
    }
  }
  return requests;
}

static void identify(int descriptor) {
  char body[64], text[256];
  int length = snprintf(body, sizeof body, "c %d", (int)getpid());
  length = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, body);
  send(descriptor, text, length, MSG_NOSIGNAL);
}

static bool starts(const char *bytes, ssize_t length, const char *with) {
  size_t wanted = strlen(with);
  return length >= (ssize_t)wanted && memcmp(bytes, with, wanted) == 0;
}

static void serve(struct source *source) {
  char bytes[16384 + 1];
  ssize_t length = recv(source->descriptor, bytes, sizeof bytes - 1, 0);
  if (length <= 0) {
    if (length == 0 || errno != EAGAIN) end(source);
    return;
  }
  if (source->kind == raw) {
    if (send(source->descriptor, answer, answer_length, MSG_NOSIGNAL) != answer_length) end(source);
    return;
  }
  bytes[length] = 0;
  if (starts(bytes, length, "GET /identity")) {
    identify(source->descriptor);
    return;
  }
  int requests = count_requests(source, bytes, length);
  if (starts(bytes, length, "GET /compute/")) work(requests * atol(bytes + 13) * steps_per_microsecond);
  if (requests > 0 && memmem(bytes, length, "onnection: close", 16) != NULL) {
    send(source->descriptor, last_answer, sizeof last_answer - 1, MSG_NOSIGNAL);
    end(source);
    return;
  }
  while (requests > 0) {
    ssize_t wanted = (requests < MAX_BATCH ? requests : MAX_BATCH) * answer_length;
    if (send(source->descriptor, batch, wanted, MSG_NOSIGNAL) != wanted) {
      end(source);
      return;
    }
    requests -= MAX_BATCH;
  }
}

static void *loop(void *number) {
  struct epoll_event events[512];
  for (;;) {
    int count = epoll_wait(epolls[(intptr_t)number], events, 512, -1);
    for (int i = 0; i < count; i++) {
      struct source *source = events[i].data.ptr;
      char ignored[64];
      switch (source->kind) {
      case input:
        if (read(0, ignored, sizeof ignored) <= 0) exit(0);
        break;
      case http_listener:
      case raw_listener:
        accept_all(source);
        break;
      default:
        serve(source);
      }
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: epoll-server <loops> <steps per microsecond of work>\n");
    return 2;
  }
  loops = atoi(argv[1]);
  steps_per_microsecond = atol(argv[2]);
  if (loops < 1 || loops > MAX_LOOPS) return 2;
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  for (int i = 0; i < MAX_BATCH; i++) memcpy(batch + i * answer_length, answer, answer_length);
  for (int i = 0; i < loops; i++) {
    if ((epolls[i] = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
  }
  int http_port = listen_on(http_listener), raw_port = listen_on(raw_listener);
  add(epolls[0], new_source(0, input));
  printf("ready http=%d raw=%d\n", http_port, raw_port);
  fflush(stdout);
  for (intptr_t i = 1; i < loops; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, loop, (void *)i) != 0) fail("pthread_create");
  }
  loop((void *)0);
}
