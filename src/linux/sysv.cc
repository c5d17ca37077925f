// SPDX-License-Identifier: Apache-2.0
#include "linux/sysv.h"

#include <asm/unistd.h>
#include <sys/ipc.h>

#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

base::Status remove_sysv(SysvKind kind, int id) {
  long ret = 0;
  switch (kind) {
    case SysvKind::kShm:
      ret = sys(__NR_shmctl, id, IPC_RMID, nullptr);
      break;
    case SysvKind::kSem:
      ret = sys(__NR_semctl, id, 0, IPC_RMID, 0);
      break;
    case SysvKind::kMsg:
      ret = sys(__NR_msgctl, id, IPC_RMID, nullptr);
      break;
  }
  return status_of(ret, "remove", "System V object");
}

}  // namespace recap::linux
