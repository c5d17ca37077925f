// SPDX-License-Identifier: Apache-2.0
// The raw syscall instruction. Only linux/ includes this: everything above uses typed calls.
//
// It is our own because the keeper has no libc; a result in [-4095, -1] is -errno (syscall(2)).
#pragma once

#include <type_traits>

namespace recap::linux {

#if defined(__x86_64__)
inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f) {
  long ret = nr;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "+a"(ret)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return ret;
}
#elif defined(__aarch64__)
inline long raw_syscall(long nr, long a, long b, long c, long d, long e, long f) {
  register long x8 asm("x8") = nr;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
}
#else
#error "RECap runs on x86_64 and aarch64"
#endif

// A syscall argument as the register takes it.
template <typename T>
long as_register(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(value);  // NOLINT: that is what the kernel ABI is
  } else if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else {
    return static_cast<long>(value);
  }
}

template <typename... Args>
long sys(long nr, Args... args) {
  long regs[6] = {as_register(args)...};
  return raw_syscall(nr, regs[0], regs[1], regs[2], regs[3], regs[4], regs[5]);
}

}  // namespace recap::linux
