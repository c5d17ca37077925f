// SPDX-License-Identifier: Apache-2.0
// From "which syscall may do what" to a classic BPF program, at build time.
//
// Neighbouring syscall numbers with the same verdict become one range, and the ranges one balanced
// binary tree of comparisons. That is a third of the instructions of one comparison per syscall,
// and it matters twice: the kernel checks, translates and compiles the program in every Run, and
// then walks it once for each syscall number to learn which are always allowed.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace recap::engine::seccomp {

using Program = std::vector<sock_filter>;

// What a syscall number comes to. Verdicts that look at arguments are programs of their own: they
// load what they need and end in a return on every path.
Program allow();
Program deny(int error);
Program kill();

// Arguments are compared in their low 32 bits only: the kernel truncates each of those that we
// look at (int, unsigned int, clone's flags), so a filter that looked at 64 could be fooled.
Program deny_if_any_bit(unsigned argument, std::uint32_t bits, int error);
Program deny_values(unsigned argument, std::span<const std::uint32_t> values, int error);
Program allow_values(unsigned argument, std::span<const std::uint32_t> values, int error);
// Where the argument equals `value`, `then` decides, else `otherwise`.
Program if_equal(unsigned argument, std::uint32_t value, const Program& then,
                 const Program& otherwise);

struct Filter {
  std::uint32_t audit_arch = 0;               // any other architecture: the process is killed
  std::uint32_t newest_known = 0;             // above it: ENOSYS, so that programs fall back
  bool has_x32 = false;                       // numbers with bit 30 set are another ABI: killed
  std::map<std::uint32_t, Program> syscalls;  // what is not named, up to newest_known: EPERM
};

Program compile(const Filter& filter);

}  // namespace recap::engine::seccomp
