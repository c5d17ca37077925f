// SPDX-License-Identifier: Apache-2.0
// What g++'s libraries and glibc's headers expect of a libc and musl does not have.
#include <sys/types.h>

extern "C" {

// Of <ext/atomicity.h>: our programs have one thread.
char __libc_single_threaded = 1;

// Of libgcc's unwinder, which looks for the frame by dl_iterate_phdr(3) when this says no.
int _dl_find_object(void* /*address*/, void* /*result*/) { return -1; }

// Of <sys/sysmacros.h>.
dev_t gnu_dev_makedev(unsigned major, unsigned minor) {
  return ((dev_t)(major & 0xfffff000U) << 32) | ((dev_t)(major & 0xfffU) << 8) |
         ((dev_t)(minor & 0xffffff00U) << 12) | (minor & 0xffU);
}

}  // extern "C"
