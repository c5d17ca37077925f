// SPDX-License-Identifier: Apache-2.0
#include "engine/artifact.h"

#include <fcntl.h>

#include <array>
#include <cstddef>

#include "base/fixed_string.h"
#include "linux/fs.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;
using base::Status;

constexpr int kMaxDepth = 16;

Status copy_contents(int from, int to) {
  std::array<std::byte, 65536> buffer;
  while (true) {
    const std::size_t size = RECAP_TRY(linux::read_some(from, buffer));
    if (size == 0) {
      return {};
    }
    RECAP_TRY(linux::write_all(to, std::span(buffer).first(size)));
  }
}

base::Result<linux::UniqueFd> open_file(int dir, const char* name) {
  const linux::UniqueFd found = RECAP_TRY(linux::open_beneath(dir, name, O_PATH));
  return linux::reopen_regular(found.get());
}

Status copy_file(int from_dir, int to_dir, const char* name) {
  const auto from = open_file(from_dir, name);
  if (!from) {
    return {};  // a symlink, FIFO, socket: no artifact
  }
  const linux::UniqueFd to =
      RECAP_TRY(linux::open_at(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  return copy_contents(from->get(), to.get()).context(name);
}

Status copy_directory(int from, int to, int depth);

Status copy_subdirectory(int from_dir, int to_dir, const char* name, int depth) {
  if (depth >= kMaxDepth) {
    return Error(Kind::kInvalid, "/out is nested more than 16 deep");
  }
  const linux::UniqueFd from =
      RECAP_TRY(linux::open_beneath(from_dir, name, O_RDONLY | O_DIRECTORY));
  auto made = linux::make_dir_at(to_dir, name, 0755);
  if (!made && made.error().kind() != Kind::kExists) {
    return made;
  }
  const linux::DirFd to = RECAP_TRY(linux::open_dir_at(to_dir, name));
  return copy_directory(from.get(), to.get(), depth + 1);
}

Status copy_directory(int from, int to, int depth) {
  Status worst;
  const Status listed = linux::each_entry(from, [&](const char* name, unsigned char) {
    const auto st = linux::stat_at(from, name, AT_SYMLINK_NOFOLLOW);
    Status status = st && S_ISDIR(st->stx_mode) ? copy_subdirectory(from, to, name, depth)
                                                : copy_file(from, to, name);
    if (!status && worst) {
      worst = std::move(status);
    }
    return true;
  });
  return worst ? listed : worst;
}

}  // namespace

Status copy_artifacts(int out, int to) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(out, ".", O_RDONLY | O_DIRECTORY));
  return copy_directory(root.get(), to, 0).context("cannot copy the artifacts from /out");
}

Status copy_single_artifact(int out, int to) {
  const linux::UniqueFd root = RECAP_TRY(linux::open_at(out, ".", O_RDONLY | O_DIRECTORY));
  linux::UniqueFd only;
  int count = 0;
  RECAP_TRY(linux::each_entry(root.get(), [&](const char* name, unsigned char) {
    if (auto file = open_file(root.get(), name)) {
      only = std::move(*file);
      ++count;
    }
    return count < 2;
  }));
  if (count != 1) {
    return Error(Kind::kInvalid,
                 count == 0 ? "the function left no file in /out"
                            : "the function left more than one file in /out: use --out DIR/");
  }
  return copy_contents(only.get(), to).context("cannot copy the artifact from /out");
}

}  // namespace recap::engine
