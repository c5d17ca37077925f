// SPDX-License-Identifier: Apache-2.0
// recap cp RUN:PATH LOCAL, recap cp LOCAL RUN:PATH.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fixed_string.h"
#include "capsule/quantity.h"
#include "capsule/runs.h"
#include "cli/command.h"
#include "cli/run_files.h"
#include "cli/run_path.h"
#include "cli/tree_copy.h"
#include "cli/verbs.h"
#include "console/output.h"
#include "linux/fs.h"

namespace recap::cli {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr std::size_t kLongestPath = 4096;  // PATH_MAX

// One end of the copy: the caller's files (no root), or the root that a run sees.
struct Side {
  std::optional<RunFiles> run;
  std::string path;

  [[nodiscard]] Result<linux::UniqueFd> open(const std::string& what, int flags) const {
    return run ? linux::open_in_root(run->root.get(), what.c_str(), flags)
               : linux::open_at(linux::kCwd, what.c_str(), flags);
  }

  // The caller may name what he likes of his own.
  [[nodiscard]] Status check(int fd) const {
    return run ? refuse_kernel_files(fd).context(path) : Status{};
  }
};

Result<Side> side_of(const std::string& word) {
  if (word.size() >= kLongestPath) {
    return Error(Kind::kInvalid, "a path is longer than any that exists");
  }
  const RunPath parsed = parse_run_path(word);
  Side side{std::nullopt, std::string(parsed.path)};
  if (!parsed.run.empty()) {
    const capsule::Dirs dirs = capsule::Dirs::from_environment();
    const auto run = RECAP_TRY(capsule::find_run(dirs, parsed.run, capsule::Among::kLive));
    side.run = RECAP_TRY(files_of(dirs, run));
  }
  return side;
}

// The file or directory to read. O_PATH first, for an open() of a pipe waits and one of a device
// may do things.
Result<linux::UniqueFd> open_source(const Side& from) {
  const auto path = RECAP_TRY(from.open(from.path, O_PATH));
  const auto info = RECAP_TRY(linux::stat_at(path.get(), "", AT_EMPTY_PATH));
  if (!S_ISREG(info.stx_mode) && !S_ISDIR(info.stx_mode)) {
    return Error(Kind::kInvalid, base::concat<300>(std::string_view(from.path).substr(0, 200),
                                                   " is neither a regular file nor a directory"));
  }
  RECAP_TRY(from.check(path.get()));
  const auto own = base::concat<40>("/proc/self/fd/", path.get());
  return linux::open_at(linux::kCwd, own.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

struct Destination {
  linux::UniqueFd dir;
  std::string name;  // empty: what is in the source goes into `dir`
};

// As cp(1): into a directory that is there, under the source's name; else it is the new name.
Result<Destination> destination_of(const Side& to, std::string_view source_path) {
  if (auto dir = to.open(to.path, O_RDONLY | O_DIRECTORY)) {
    RECAP_TRY(to.check(dir->get()));
    return Destination{*std::move(dir), std::string(last_name(source_path))};
  }
  const std::string_view name = last_name(to.path);
  if (name.empty()) {
    return Error(Kind::kNotFound, base::concat<300>("there is no directory ",
                                                    std::string_view(to.path).substr(0, 200)));
  }
  auto parent = RECAP_TRY(to.open(parent_of(to.path), O_RDONLY | O_DIRECTORY));
  RECAP_TRY(to.check(parent.get()));
  return Destination{std::move(parent), std::string(name)};
}

// In a run, what is new belongs to whom its directory belongs to: the image's files are the run's
// uid's, not root's.
Result<std::optional<Owner>> owner_for(const Side& to, int dir) {
  if (!to.run) {
    return std::optional<Owner>{};
  }
  const auto info = RECAP_TRY(linux::stat_at(dir, "", AT_EMPTY_PATH));
  return std::optional<Owner>(Owner{info.stx_uid, info.stx_gid});
}

Status copy_to(const Side& from, const Side& to, CopyLimits limits, std::size_t& left_out) {
  linux::UniqueFd source;
  const bool from_stdin = !from.run && from.path == "-";
  if (!from_stdin) {
    source = RECAP_TRY(open_source(from));
  }
  if (!to.run && to.path == "-") {
    const auto info = RECAP_TRY(linux::stat_at(source.get(), "", AT_EMPTY_PATH));
    if (S_ISDIR(info.stx_mode)) {
      return Error(Kind::kInvalid, "a directory cannot go to stdout; name a local directory");
    }
    return TreeCopy(limits, std::nullopt).copy_bytes(source.get(), STDOUT_FILENO);
  }
  const Destination at = RECAP_TRY(destination_of(to, from_stdin ? "" : from.path));
  TreeCopy copy(limits, RECAP_TRY(owner_for(to, at.dir.get())));
  Status done;
  if (from_stdin && at.name.empty()) {
    done = Error(Kind::kInvalid, "say the name of the file that stdin becomes");
  } else if (from_stdin) {
    done = copy.copy_stream(STDIN_FILENO, at.dir.get(), at.name.c_str());
  } else if (at.name.empty()) {
    done = copy.copy_contents(source.get(), at.dir.get());
  } else {
    done = copy.copy(source.get(), at.dir.get(), at.name.c_str());
  }
  left_out = copy.left_out();
  return done;
}

Status copy_between(const std::string& from_word, const std::string& to_word, CopyLimits limits,
                    std::size_t& left_out) {
  const Side from = RECAP_TRY(side_of(from_word));
  const Side to = RECAP_TRY(side_of(to_word));
  if (from.run.has_value() == to.run.has_value()) {
    return Error(Kind::kInvalid, "exactly one of the two is RUN:PATH, the other a local path");
  }
  return copy_to(from, to, limits, left_out);
}

}  // namespace

int cp(std::span<char*> args) {
  std::string from;
  std::string to;
  std::string limit;
  bool quiet = false;
  Command command("cp");
  command.bind("--limit", limit).bind("--quiet", quiet).operand(from).operand(to);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  CopyLimits limits;
  if (!limit.empty()) {
    const auto bytes = capsule::parse_size(limit);
    if (!bytes) {
      return fail("cp", bytes.error());
    }
    limits.bytes = *bytes;
  }
  std::size_t left_out = 0;
  if (const Status copied = copy_between(from, to, limits, left_out); !copied) {
    return fail("cp", copied.error());
  }
  if (left_out != 0 && !quiet) {
    complain("cp", std::to_string(left_out) +
                       " links, devices, pipes, sockets or files of the kernel were left out");
  }
  return 0;
}

}  // namespace recap::cli
