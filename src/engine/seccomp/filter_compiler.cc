// SPDX-License-Identifier: Apache-2.0
// The compiler: see filter_compiler.h.
#include "engine/seccomp/filter_compiler.h"

#include <linux/seccomp.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

namespace recap::engine::seccomp {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::size_t kMaxConditionalJump = 255;  // jt and jf are bytes

sock_filter statement(unsigned code, std::uint32_t k) {
  return {.code = static_cast<std::uint16_t>(code), .jt = 0, .jf = 0, .k = k};
}

sock_filter jump(unsigned test, std::uint32_t k, std::size_t jt, std::size_t jf) {
  return {.code = static_cast<std::uint16_t>(BPF_JMP | test | BPF_K),
          .jt = static_cast<std::uint8_t>(jt),
          .jf = static_cast<std::uint8_t>(jf),
          .k = k};
}

sock_filter load(std::size_t offset) {
  return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

sock_filter load_argument(unsigned argument) {
  // The low half comes first: both architectures are little-endian.
  return load(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));
}

void append(Program& to, const Program& more) { to.insert(to.end(), more.begin(), more.end()); }

// `test k` against what is loaded: when it holds `yes` runs, else `no`; both must return.
Program branch(unsigned test, std::uint32_t k, const Program& yes, const Program& no) {
  Program out;
  if (no.size() <= kMaxConditionalJump) {
    out.push_back(jump(test, k, no.size(), 0));
  } else {
    out.push_back(jump(test, k, 0, 1));
    out.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(no.size())));
  }
  append(out, no);
  append(out, yes);
  return out;
}

bool same(const Program& a, const Program& b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].code != b[i].code || a[i].jt != b[i].jt || a[i].jf != b[i].jf || a[i].k != b[i].k) {
      return false;
    }
  }
  return true;
}

struct Range {
  std::uint32_t first;  // up to the next range's first
  Program verdict;
};

std::vector<Range> ranges_of(const Filter& filter) {
  std::vector<Range> ranges;
  auto add = [&](std::uint32_t first, const Program& verdict) {
    if (ranges.empty() || !same(ranges.back().verdict, verdict)) {
      ranges.push_back({first, verdict});
    }
  };
  for (std::uint32_t nr = 0; nr <= filter.newest_known; ++nr) {
    const auto named = filter.syscalls.find(nr);
    add(nr, named == filter.syscalls.end() ? deny(EPERM) : named->second);
  }
  add(filter.newest_known + 1, deny(ENOSYS));
  if (filter.has_x32) {
    add(kX32Bit, kill());
    // -1 is what a tracer writes to skip a syscall; it must not kill the traced process.
    add(UINT32_MAX, deny(ENOSYS));
  }
  return ranges;
}

Program tree(std::span<const Range> ranges) {
  if (ranges.size() == 1) {
    return ranges.front().verdict;
  }
  const std::size_t middle = ranges.size() / 2;
  return branch(BPF_JGE, ranges[middle].first, tree(ranges.subspan(middle)),
                tree(ranges.first(middle)));
}

}  // namespace

Program allow() { return {statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}; }

Program deny(int error) {
  return {statement(BPF_RET | BPF_K,
                    SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA))};
}

Program kill() { return {statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)}; }

Program deny_if_any_bit(unsigned argument, std::uint32_t bits, int error) {
  Program out{load_argument(argument)};
  append(out, branch(BPF_JSET, bits, deny(error), allow()));
  return out;
}

Program deny_values(unsigned argument, std::span<const std::uint32_t> values, int error) {
  Program tests = allow();
  for (const std::uint32_t value : values) {
    tests = branch(BPF_JEQ, value, deny(error), tests);
  }
  Program out{load_argument(argument)};
  append(out, tests);
  return out;
}

Program allow_values(unsigned argument, std::span<const std::uint32_t> values, int error) {
  Program tests = deny(error);
  for (const std::uint32_t value : values) {
    tests = branch(BPF_JEQ, value, allow(), tests);
  }
  Program out{load_argument(argument)};
  append(out, tests);
  return out;
}

Program if_equal(unsigned argument, std::uint32_t value, const Program& then,
                 const Program& otherwise) {
  Program out{load_argument(argument)};
  append(out, branch(BPF_JEQ, value, then, otherwise));
  return out;
}

Program compile(const Filter& filter) {
  // The architecture first: a number means nothing without it.
  Program by_number{load(offsetof(seccomp_data, nr))};
  append(by_number, tree(ranges_of(filter)));
  Program out{load(offsetof(seccomp_data, arch)), jump(BPF_JEQ, filter.audit_arch, 1, 0)};
  append(out, kill());
  append(out, by_number);
  return out;
}

}  // namespace recap::engine::seccomp
