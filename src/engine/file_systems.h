// SPDX-License-Identifier: Apache-2.0
// What a view must not show and we must not read: file systems that are the kernel's interface
// (proc, sysfs, cgroup …), for a target may mount them where it lets us look, and then they are
// seen, or even written, with what we or the function may; and FUSE, whose server may be the
// target's and never answer.
//
// These are lists of what is refused. What the kernel mounts as its interface is a closed set, each
// with its number in its source, and what a target may mount in a user namespace of its own is all
// in it; file systems that store files are many, some of them no part of the kernel, and a volume
// on one that we never heard of has to be shown.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "linux/kernel_file_systems.h"

namespace recap::engine {

// By the name that mountinfo has.
using linux::is_of_the_kernel;
bool is_of_a_server(std::string_view type);

// By descriptor, for which O_PATH suffices. devtmpfs passes: it calls itself a tmpfs. Asks a file
// server that is not asked yet, so it may wait for one.
base::Status refuse_kernel_file_system(int fd);
base::Status refuse_kernel_and_server(int fd);

// One line of mountinfo. `point` has the kernel's escapes.
struct MountLine {
  std::uint64_t id = 0;
  std::string_view point;
  std::string_view type;
};
// Cuts a line off `rest`; without a type when it is none.
MountLine next_mount(std::string_view& rest);

// Undoes the escapes of a `point` of `mountinfo` in place, and ends it with a NUL.
const char* unescape_in_place(std::span<char> mountinfo, std::string_view point);

}  // namespace recap::engine
