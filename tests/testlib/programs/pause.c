// SPDX-License-Identifier: Apache-2.0
// A target's first process as lean ones have it: it waits, and it never reaps a child, so whatever
// is orphaned in its pid namespace and ends stays a zombie for everybody to see.
#include <signal.h>
#include <unistd.h>

int main(void) {
  // Not ignored: that would make the kernel reap for us.
  signal(SIGTERM, SIG_DFL);
  for (;;) {
    pause();
  }
}
