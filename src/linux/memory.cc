// SPDX-License-Identifier: Apache-2.0
#include "linux/memory.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include <cerrno>

#include "linux/error.h"
#include "linux/syscall.h"

namespace recap::linux {

namespace {

// Headers older than 6.3 lack these.
constexpr unsigned kMemfdExec = 0x0010;
constexpr unsigned kMemfdNoexecSeal = 0x0008;
constexpr int kSealExec = 0x0020;

}  // namespace

Result<UniqueFd> make_memfd(const char* name, bool executable) {
  constexpr unsigned kBase = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  long ret = sys(__NR_memfd_create, name, kBase | (executable ? kMemfdExec : kMemfdNoexecSeal));
  if (ret == -EINVAL) {  // before 6.3 every memfd is executable
    ret = sys(__NR_memfd_create, name, kBase);
  }
  if (ret < 0) {
    return failed("create memfd", name, static_cast<int>(-ret));
  }
  return UniqueFd(static_cast<int>(ret));
}

Status seal_memfd(int fd) {
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  long ret = sys(__NR_fcntl, fd, F_ADD_SEALS, kSeals | kSealExec);
  if (ret == -EINVAL) {  // before 6.3
    ret = sys(__NR_fcntl, fd, F_ADD_SEALS, kSeals);
  }
  return status_of(ret, "seal memfd", "");
}

Result<std::span<const std::byte>> map_file(int fd, std::size_t size) {
  const long ret = sys(__NR_mmap, nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (ret < 0 && ret > -4096) {
    return failed("map", "file", static_cast<int>(-ret));
  }
  return std::span(reinterpret_cast<const std::byte*>(ret), size);  // NOLINT
}

Result<std::span<std::byte>> map_memory(std::size_t size) {
  const long ret =
      sys(__NR_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (ret < 0 && ret > -4096) {
    return failed("allocate", "memory", static_cast<int>(-ret));
  }
  return std::span(reinterpret_cast<std::byte*>(ret), size);  // NOLINT
}

Result<std::span<std::byte>> map_shared_memory(std::size_t size) {
  const long ret =
      sys(__NR_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (ret < 0 && ret > -4096) {
    return failed("allocate", "memory", static_cast<int>(-ret));
  }
  return std::span(reinterpret_cast<std::byte*>(ret), size);  // NOLINT
}

}  // namespace recap::linux
