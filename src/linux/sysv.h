// SPDX-License-Identifier: Apache-2.0
// Removing System V IPC objects (shmctl(2), semctl(2), msgctl(2) with IPC_RMID).
#pragma once

#include <cstdint>

#include "base/result.h"

namespace recap::linux {

enum class SysvKind : std::uint8_t { kShm, kSem, kMsg };

base::Status remove_sysv(SysvKind kind, int id);

}  // namespace recap::linux
