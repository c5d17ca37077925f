// SPDX-License-Identifier: Apache-2.0
#include "engine/file_systems.h"

#include <linux/magic.h>

#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using base::Status;

struct Type {
  std::string_view name;
  std::int64_t magic;  // f_type of statfs(2)
};

constexpr Type kKernelTypes[] = {
    {"proc", PROC_SUPER_MAGIC},
    {"sysfs", SYSFS_MAGIC},
    {"cgroup", CGROUP_SUPER_MAGIC},
    {"cgroup2", CGROUP2_SUPER_MAGIC},
    {"devpts", DEVPTS_SUPER_MAGIC},
    {"mqueue", 0x19800202},
    {"debugfs", DEBUGFS_MAGIC},
    {"tracefs", TRACEFS_MAGIC},
    {"bpf", BPF_FS_MAGIC},
    {"binder", BINDERFS_SUPER_MAGIC},
    {"securityfs", SECURITYFS_MAGIC},
    {"selinuxfs", SELINUX_MAGIC},
    {"smackfs", SMACK_MAGIC},
    {"configfs", 0x62656570},
    {"fusectl", 0x65735543},
    {"pstore", PSTOREFS_MAGIC},
    {"efivarfs", EFIVARFS_MAGIC},
    {"resctrl", RDTGROUP_SUPER_MAGIC},
    {"hugetlbfs", HUGETLBFS_MAGIC},
    {"binfmt_misc", BINFMTFS_MAGIC},
    {"nsfs", NSFS_MAGIC},
    {"pidfs", 0x50494446},
    {"autofs", AUTOFS_SUPER_MAGIC},
    {"nfsd", 0x6e667364},
    {"rpc_pipefs", 0x67596969},
    {"functionfs", 0xa647361},
    {"gadgetfs", 0xaee71ee7},
    {"ocfs2_dlmfs", 0x76a9f425},
    {"usbfs", USBDEVICE_SUPER_MAGIC},
    {"xenfs", XENFS_SUPER_MAGIC},
    {"openpromfs", OPENPROM_SUPER_MAGIC},
    {"devtmpfs", -1},  // calls itself a tmpfs there
};

bool is_kernels_magic(std::int64_t magic) {
  for (const Type& known : kKernelTypes) {
    if (magic == known.magic) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool is_of_the_kernel(std::string_view type) {
  for (const Type& known : kKernelTypes) {
    if (type == known.name) {
      return true;
    }
  }
  return false;
}

bool is_of_a_server(std::string_view type) { return type.starts_with("fuse"); }

Status refuse_kernel_file_system(int fd) {
  if (is_kernels_magic(RECAP_TRY(linux::filesystem_type(fd)))) {
    return Error(Kind::kDenied, "it is a file system of the kernel, not files of the target");
  }
  return {};
}

Status refuse_kernel_and_server(int fd) {
  const std::int64_t type = RECAP_TRY(linux::filesystem_type(fd));
  if (is_kernels_magic(type) || type == FUSE_SUPER_MAGIC) {
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
