// SPDX-License-Identifier: Apache-2.0
#include "cli/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <utility>

#include "console/escape.h"
#include "linux/fs.h"

namespace recap::cli {
namespace {

using base::Kind;
using base::Status;

struct Opened {
  linux::UniqueFd file;
  std::uint64_t inode = 0;  // 0: there is no such file
};

base::Result<Opened> open_log(int dir, const std::string& name) {
  auto file = linux::open_at(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {
    if (file.error().kind() == Kind::kNotFound) {
      return Opened{};
    }
    return std::move(file).error();
  }
  const auto info = RECAP_TRY(linux::stat_at(file->get(), "", AT_EMPTY_PATH));
  return Opened{*std::move(file), info.stx_ino};
}

Status copy_rest(int from, Output& out, bool escaped) {
  std::array<char, 65536> buffer;
  for (;;) {
    const std::size_t n =
        RECAP_TRY(linux::read_some(from, std::as_writable_bytes(std::span(buffer))));
    if (n == 0) {
      return out.flush();
    }
    const std::string_view text(buffer.data(), n);
    if (escaped) {
      out << console::printable_lines(text);
    } else {
      out << text;
    }
    RECAP_TRY(out.flush());
  }
}

}  // namespace

Status LogTail::read_rest(Output& out, bool escaped) {
  return copy_rest(file_.get(), out, escaped);
}

// The older half, if there is one and it is not what was read as the newer half before.
Status LogTail::read_between(Output& out, bool escaped, std::uint64_t inode) {
  const Opened older = RECAP_TRY(open_log(dir_, name_ + ".1"));
  if (older.inode == 0 || older.inode == inode) {
    return {};
  }
  return copy_rest(older.file.get(), out, escaped);
}

Status LogTail::begin(Output& out, bool escaped) {
  // The newer half first: should it become the older one meanwhile, its inode says so.
  Opened newer = RECAP_TRY(open_log(dir_, name_));
  RECAP_TRY(read_between(out, escaped, newer.inode));
  file_ = std::move(newer.file);
  inode_ = newer.inode;
  return {};
}

Status LogTail::pump(Output& out, bool escaped) {
  if (!file_.valid()) {
    RECAP_TRY(begin(out, escaped));
  }
  if (!file_.valid()) {
    return {};
  }
  RECAP_TRY(read_rest(out, escaped));
  Opened newer = RECAP_TRY(open_log(dir_, name_));
  if (newer.inode == 0 || newer.inode == inode_) {
    return {};
  }
  RECAP_TRY(read_rest(out, escaped));  // what came between our last read and the change
  RECAP_TRY(read_between(out, escaped, inode_));
  file_ = std::move(newer.file);
  inode_ = newer.inode;
  return read_rest(out, escaped);
}

}  // namespace recap::cli
