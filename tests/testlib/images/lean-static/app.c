// SPDX-License-Identifier: Apache-2.0
// The first process of a lean image, as small services are in practice: it answers HTTP on port
// 8080 and never waits for children, so whatever is orphaned to it stays a zombie for ever.
//
//   app               serve
//   app sleep         do nothing
//   app children N    start N sleeping children first
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(int number) {
  (void)number;
  _exit(0);
}

static int listen_on(unsigned short port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
    exit(1);
  }
  return fd;
}

static void serve(int listener) {
  static const char answer[] =
      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
  for (;;) {
    const int client = accept(listener, NULL, NULL);
    char request[4096];
    if (client < 0) {
      continue;
    }
    if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) < 0) {
      // The client went away: nothing to tell it.
    }
    shutdown(client, SHUT_WR);
    close(client);
  }
}

int main(int argc, char** argv) {
  // The kernel drops signals that a namespace's first process has no handler for.
  signal(SIGTERM, end);
  signal(SIGINT, end);
  if (argc > 2 && strcmp(argv[1], "children") == 0) {
    for (int i = 0; i < atoi(argv[2]); i++) {
      if (fork() == 0) {
        for (;;) {
          pause();
        }
      }
    }
  }
  if (argc > 1 && strcmp(argv[1], "sleep") == 0) {
    for (;;) {
      pause();
    }
  }
  serve(listen_on(8080));
}
