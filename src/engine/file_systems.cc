// SPDX-License-Identifier: Apache-2.0
#include "engine/file_systems.h"

#include <linux/magic.h>

#include "linux/fs.h"
#include "linux/kernel_file_systems.h"
#include "linux/proc.h"

namespace recap::engine {

using base::Error;
using base::Kind;
using base::Status;

bool is_of_a_server(std::string_view type) { return type.starts_with("fuse"); }

Status refuse_kernel_file_system(int fd) {
  if (RECAP_TRY(linux::is_on_the_kernels(fd))) {
    return Error(Kind::kDenied, "it is a file system of the kernel, not files of the target");
  }
  return {};
}

Status refuse_kernel_and_server(int fd) {
  const std::int64_t type = RECAP_TRY(linux::filesystem_type(fd));
  if (linux::is_of_the_kernel(type) || type == FUSE_SUPER_MAGIC) {
    return Error(Kind::kDenied, "it is a file system of the kernel or of a server");
  }
  return {};
}

MountLine next_mount(std::string_view& rest) {
  MountLine mount;
  std::string_view line = linux::next_line(rest);  // ID PARENT DEV ROOT POINT OPTS … - TYPE …
  mount.id = linux::parse_number(linux::next_word(line)).value_or(0);
  for (int i = 0; i < 3; ++i) {
    linux::next_word(line);
  }
  mount.point = linux::next_word(line);
  const std::size_t dash = line.find(" - ");
  if (dash != std::string_view::npos) {
    line.remove_prefix(dash + 3);
    mount.type = linux::next_word(line);
  }
  return mount;
}

// mountinfo writes blank, tab, newline and backslash as \ooo.
// The unescaped text is never longer, and the byte after it is the blank that ended the field.
const char* unescape_in_place(std::span<char> mountinfo, std::string_view point) {
  char* text = mountinfo.data() + (point.data() - mountinfo.data());
  std::size_t out = 0;
  for (std::size_t i = 0; i < point.size(); ++i) {
    if (text[i] == '\\' && i + 3 < point.size()) {
      text[out++] = static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0'));
      i += 3;
    } else {
      text[out++] = text[i];
    }
  }
  text[out] = '\0';
  return text;
}

}  // namespace recap::engine
