// SPDX-License-Identifier: Apache-2.0
// The Spec is encoded into memory that is exactly large enough, written once, and sealed: neither
// side can change afterwards what was decided.
#include "capsule/stage.h"

#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <span>
#include <vector>

#include "capsule/program.h"
#include "linux/fs.h"
#include "linux/memory.h"
#include "run/spec.h"

namespace recap::capsule {
namespace {

std::vector<std::string_view> views_of(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

void fill_identity(run::Spec& spec, const Admitted& run) {
  const targets::Target& target = run.target.target;
  spec.run_id = run.run_id;
  spec.name = run.name;
  spec.requester = run.requester;
  spec.cgroup_parent = kCgroupParent;
  spec.target = {target.runtime, target.id, target.name, target.pid, target.start_time};
  spec.image = {run.image.reference, run.image.digest, run.image.trust};
  spec.basis = {run.function, run.policy, run.ignored};
  spec.requested_ns = run.requested_ns;
}

void fill_grant(run::Spec& spec, const Admitted& run) {
  spec.share = run.grant.share;
  spec.view = run.grant.view;
  for (const policy::PathGrant& path : run.grant.paths) {
    spec.paths[spec.path_count++] = {path.path, path.writable};
  }
  spec.run_as = run.grant.run_as;
  spec.target_uid = run.target_ids.uid;
  spec.target_gid = run.target_ids.gid;
  spec.image_uid = run.user.uid;
  spec.image_gid = run.user.gid;
  for (const std::uint32_t group : run.user.groups) {
    spec.groups[spec.group_count++] = group;
  }
  spec.capabilities = run.grant.capabilities;
  spec.profile = run.grant.profile;
  spec.limits = run.limits;
}

void fill_terminal(run::Spec& spec, const Admitted& run) {
  spec.terminal = run.terminal;
  spec.detached = run.detached;
  spec.out = run.out;
  winsize size{};
  if (run.terminal && ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
    spec.rows = size.ws_row;
    spec.columns = size.ws_col;
  }
}

// No field is larger on the wire than its text, a length and a NUL; numbers are at most 8 bytes.
std::size_t wire_bound(const run::Spec& spec) {
  std::size_t bytes = 4096 + 8 * spec.group_count + 8 * spec.path_count;
  const auto add = [&](std::string_view text) { bytes += text.size() + 8; };
  for (const std::string_view text :
       {spec.run_id, spec.name, spec.requester, spec.state_dir, spec.record_dir, spec.cgroup_parent,
        spec.target.runtime, spec.target.container_id, spec.target.name, spec.image.reference,
        spec.image.digest, spec.image.trust, spec.basis.ignored, spec.workdir}) {
    add(text);
  }
  for (std::size_t i = 0; i < spec.layer_count; ++i) {
    add(spec.layers[i]);
  }
  for (std::size_t i = 0; i < spec.path_count; ++i) {
    add(spec.paths[i].path);
  }
  for (const auto words : {spec.argv, spec.envp}) {
    for (const std::string_view word : words) {
      add(word);
    }
  }
  return bytes;
}

base::Status within_limits(const Admitted& run) {
  if (run.image.layers.size() > run::kMaxLayers || run.user.groups.size() > run::kMaxGroups) {
    return base::Error(base::Kind::kUnsupported,
                       "the image has more than 120 layers or its user more than 32 groups");
  }
  if (run.argv.size() > run::kMaxWords || run.env.size() > run::kMaxWords) {
    return base::Error(base::Kind::kInvalid,
                       "at most 4096 arguments and 4096 variables can be given to a function");
  }
  return {};
}

base::Result<linux::UniqueFd> sealed(std::span<const std::byte> bytes) {
  linux::UniqueFd file = RECAP_TRY(linux::make_memfd("recap-spec", false));
  if (base::Status ok = linux::write_all(file.get(), bytes); !ok) {
    return std::move(ok).error();
  }
  if (base::Status ok = linux::seal_memfd(file.get()); !ok) {
    return std::move(ok).error();
  }
  return file;
}

}  // namespace

bool can_be_pulled(std::string_view reference) {
  return reference.find_first_of("/:@") != std::string_view::npos &&
         !reference.starts_with("sha256:");
}

base::Result<image::PreparedImage> stage_image(const Dirs& dirs, const std::string& reference,
                                               Pull pull, bool quiet) {
  if (pull == Pull::kAlways && !can_be_pulled(reference)) {
    return base::Error(base::Kind::kInvalid,
                       "--pull always needs a name that says where the image is, such as "
                       "docker.io/library/debian:12; a bare name is a function's");
  }
  if (pull != Pull::kAlways) {
    auto image = image::find(dirs.store(), reference);
    if (image || image.error().kind() != base::Kind::kNotFound || pull == Pull::kNever ||
        !can_be_pulled(reference)) {
      return image;
    }
  }
  std::vector<std::string> argv{program_path("recap-image"), "pull"};
  if (quiet) {
    argv.emplace_back("--quiet");
  }
  if (pull == Pull::kMissing) {
    argv.emplace_back("--missing");  // many runs of one image fetch it once
  }
  argv.push_back(reference);
  const int code = RECAP_TRY(run_program(argv));
  if (code != 0) {
    return base::Error(base::Kind::kNotFound,
                       base::concat<400>("the image ", std::string_view(reference).substr(0, 200),
                                         pull == Pull::kMissing ? " is not in the store and" : "",
                                         " could not be pulled"));
  }
  return image::find(dirs.store(), reference);
}

base::Result<linux::UniqueFd> stage_spec(const Admitted& run, const Dirs& dirs) {
  if (base::Status ok = within_limits(run); !ok) {
    return std::move(ok).error();
  }
  run::Spec spec;
  const std::string records = dirs.records();
  std::vector<std::string_view> argv = views_of(run.argv);
  std::vector<std::string_view> envp = views_of(run.env);
  fill_identity(spec, run);
  fill_grant(spec, run);
  fill_terminal(spec, run);
  spec.state_dir = dirs.state;
  spec.record_dir = records;
  for (const std::string& layer : run.image.layers) {
    spec.layers[spec.layer_count++] = layer;
  }
  spec.argv = argv;
  spec.envp = envp;
  spec.workdir = run.workdir;

  std::vector<std::byte> buffer(wire_bound(spec));
  const std::size_t size = RECAP_TRY(run::encode(spec, buffer));
  return sealed(std::span(buffer).first(size));
}

std::string program_path(std::string_view name) {
  std::array<char, PATH_MAX> own{};
  auto self = linux::read_link_at(linux::kCwd, "/proc/self/exe", own);
  if (self) {
    std::string beside(self->substr(0, self->rfind('/') + 1));
    beside.append(name);
    if (::access(beside.c_str(), X_OK) == 0) {
      return beside;
    }
  }
  return std::string("/usr/libexec/recap/").append(name);
}

}  // namespace recap::capsule
