// SPDX-License-Identifier: Apache-2.0
// The compiled programs are interpreted for every number and compared with what was asked for.
#include "engine/seccomp/filter_compiler.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

namespace recap::engine::seccomp {
namespace {

constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;

std::uint32_t error(int number) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number); }

std::uint32_t word_at(const seccomp_data& data, std::uint32_t offset) {
  std::uint32_t word = 0;
  std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof(word));
  return word;
}

bool holds(const sock_filter& test, std::uint32_t accumulator) {
  switch (BPF_OP(test.code)) {
    case BPF_JEQ:
      return accumulator == test.k;
    case BPF_JGE:
      return accumulator >= test.k;
    case BPF_JSET:
      return (accumulator & test.k) != 0;
    default:
      ADD_FAILURE() << "unexpected jump " << test.code;
      return false;
  }
}

std::uint32_t run(const Program& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const sock_filter& i = program[pc];
    switch (BPF_CLASS(i.code)) {
      case BPF_RET:
        return i.k;
      case BPF_LD:
        accumulator = word_at(data, i.k);
        break;
      case BPF_JMP:
        if (BPF_OP(i.code) == BPF_JA) {
          pc += i.k;
        } else {
          pc += holds(i, accumulator) ? i.jt : i.jf;
        }
        break;
      default:
        ADD_FAILURE() << "unexpected instruction " << i.code;
        return kAllow;
    }
  }
  ADD_FAILURE() << "ran off the end";
  return kAllow;
}

std::uint32_t verdict(const Program& program, std::uint32_t number, std::uint64_t arg0 = 0,
                      std::uint64_t arg2 = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  data.args[0] = arg0;
  data.args[2] = arg2;
  return run(program, data);
}

Filter filter_with(std::uint32_t newest) {
  Filter filter;
  filter.audit_arch = AUDIT_ARCH_X86_64;
  filter.newest_known = newest;
  filter.has_x32 = true;
  return filter;
}

TEST(FilterCompiler, EveryNumberGetsTheVerdictAskedFor) {
  // Verdicts that change at every number: the tree needs jumps longer than a byte can say.
  Filter filter = filter_with(450);
  for (std::uint32_t nr = 0; nr <= 450; ++nr) {
    if (nr % 3 != 0) {
      filter.syscalls[nr] = nr % 3 == 1 ? allow() : deny(static_cast<int>(nr));
    }
  }
  const Program program = compile(filter);
  for (std::uint32_t nr = 0; nr <= 450; ++nr) {
    const std::uint32_t expected = nr % 3 == 0   ? error(EPERM)
                                   : nr % 3 == 1 ? kAllow
                                                 : error(static_cast<int>(nr));
    EXPECT_EQ(verdict(program, nr), expected) << nr;
  }
}

TEST(FilterCompiler, NewerNumbersDoNotExistAndX32IsKilled) {
  Filter filter = filter_with(10);
  filter.syscalls[10] = allow();
  const Program program = compile(filter);
  EXPECT_EQ(verdict(program, 10), kAllow);
  EXPECT_EQ(verdict(program, 11), error(ENOSYS));
  EXPECT_EQ(verdict(program, 0x3fffffff), error(ENOSYS));
  EXPECT_EQ(verdict(program, 0x40000000), kKill);
  EXPECT_EQ(verdict(program, 0x4000000a), kKill);
  EXPECT_EQ(verdict(program, 0xfffffffe), kKill);
  EXPECT_EQ(verdict(program, 0xffffffff), error(ENOSYS));
}

TEST(FilterCompiler, AnotherArchitectureIsKilledWhateverItsNumber) {
  Filter filter = filter_with(10);
  filter.syscalls[1] = allow();
  const Program program = compile(filter);
  seccomp_data data{};
  data.arch = AUDIT_ARCH_I386;
  for (data.nr = 0; data.nr < 20; ++data.nr) {
    EXPECT_EQ(run(program, data), kKill) << data.nr;
  }
}

TEST(FilterCompiler, ArgumentsAreComparedInTheirLowHalf) {
  const std::uint32_t values[] = {3, 5};
  Filter filter = filter_with(10);
  filter.syscalls[0] = deny_if_any_bit(0, 0x60, EPERM);
  filter.syscalls[1] = deny_values(0, values, EACCES);
  filter.syscalls[2] = allow_values(2, values, EPERM);
  filter.syscalls[3] = if_equal(0, 7, allow_values(2, values, EPERM), deny(EACCES));
  const Program program = compile(filter);
  constexpr std::uint64_t kHigh = 1ULL << 32;
  EXPECT_EQ(verdict(program, 0, 0x1f), kAllow);
  EXPECT_EQ(verdict(program, 0, 0x20), error(EPERM));
  EXPECT_EQ(verdict(program, 0, kHigh | 0x41), error(EPERM));
  EXPECT_EQ(verdict(program, 1, 4), kAllow);
  EXPECT_EQ(verdict(program, 1, kHigh | 5), error(EACCES));
  EXPECT_EQ(verdict(program, 2, 3, 4), error(EPERM));
  EXPECT_EQ(verdict(program, 2, 4, kHigh | 3), kAllow);
  EXPECT_EQ(verdict(program, 3, 7, 5), kAllow);
  EXPECT_EQ(verdict(program, 3, 7, 6), error(EPERM));
  EXPECT_EQ(verdict(program, 3, 8, 5), error(EACCES));
}

}  // namespace
}  // namespace recap::engine::seccomp
