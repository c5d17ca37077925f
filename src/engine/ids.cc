// SPDX-License-Identifier: Apache-2.0
#include "engine/ids.h"

#include <fcntl.h>

#include <array>

#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::engine {

namespace {

using base::Error;
using base::Kind;

// Runs start to look for a block at different places, so that they seldom meet.
std::uint32_t first_guess(std::string_view run_id) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : run_id) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  }
  return hash % kBlocks;
}

bool is_taken(int state_dir, const char* name) {
  std::array<char, 64> holder;
  return linux::read_link_at(state_dir, name, holder).has_value();
}

Result<std::uint32_t> reserve_block(std::string_view run_id, int state_dir, run::Ledger& ledger) {
  const std::uint32_t start = first_guess(run_id);
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    const std::uint32_t block = (start + i) % kBlocks;
    const auto name = base::concat<32>("uids/", block);
    if (is_taken(state_dir, name.c_str())) {
      continue;
    }
    // Written down first; whose block it became, the link itself says.
    RECAP_TRY(ledger.append({.step = run::Step::kUid, .a = block}));
    auto reserved = linux::symlink_at(run_id.data(), state_dir, name.c_str());
    if (reserved) {
      return block;
    }
    if (reserved.error().kind() != Kind::kExists) {
      return std::move(reserved).error();
    }
  }
  return Error(Kind::kBusy, "all 4094 blocks of uids are in use: wait until other runs end");
}

Status write_map(int pid, std::string_view file, std::uint32_t first) {
  const auto path = base::concat<48>("/proc/", pid, "/", file);
  return linux::write_file_at(linux::kCwd, path.c_str(),
                              base::concat<64>("0 ", first, " ", kIdsPerRun));
}

// What NewUserNamespace shares with its child, which may still read it later.
struct NamespaceHolder {
  int read_end = 0, write_end = 0;
  alignas(16) std::byte stack[4096];
};
NamespaceHolder g_holder;

// Lives until its maker lets go of the gate, or is dead.
void hold_namespace(void* /*context*/) {
  linux::close_fd(g_holder.write_end);  // of this process' own descriptor table
  std::byte unused[1];
  (void)linux::read_some(g_holder.read_end, unused);
  linux::exit_now(0);
}

// Those that were decided on. A target that has others by now is refused: it may have turned from
// root into somebody whose processes root's function must not serve, or the other way round.
Result<RunIds> target_ids(const run::Spec& spec) {
  const linux::Ids now = RECAP_TRY(linux::ids_of(static_cast<int>(spec.target.pid)));
  if (!now.settled || now.uid != spec.target_uid || now.gid != spec.target_gid) {
    return Error(Kind::kDenied,
                 "the target changed its user while the run was being started: leave out --run-as "
                 "target, or try again");
  }
  return RunIds{.uid = spec.target_uid, .gid = spec.target_gid};
}

}  // namespace

Result<RunIds> reserve_ids(const run::Spec& spec, int state_dir, run::Ledger& ledger) {
  RunIds ids;
  switch (spec.run_as) {
    case run::RunAs::kRoot:
      return ids;
    case run::RunAs::kTarget:
      return target_ids(spec);
    case run::RunAs::kReserved:
      break;
  }
  if (spec.image_uid >= kIdsPerRun || spec.image_gid >= kIdsPerRun) {
    return Error(Kind::kInvalid,
                 "the image's USER has an id above 65535: use --run-as target or root");
  }
  const std::uint32_t block = RECAP_TRY(reserve_block(spec.run_id, state_dir, ledger));
  ids.block_first = kFirstUid + block * kIdsPerRun;
  ids.uid = ids.block_first + spec.image_uid;
  ids.gid = ids.block_first + spec.image_gid;
  return ids;
}

Status release_ids(int state_dir, std::uint64_t block, std::string_view run_id) {
  const auto name = base::concat<32>("uids/", block);
  std::array<char, 64> holder;
  const auto held = linux::read_link_at(state_dir, name.c_str(), holder);
  if (!held || *held != run_id) {
    return {};  // never ours, or given back already
  }
  return linux::unlink_at(state_dir, name.c_str());
}

Result<NewUserNamespace> NewUserNamespace::start() {
  linux::Pipe gate = RECAP_TRY(linux::make_pipe());
  g_holder.read_end = gate.read.get();
  g_holder.write_end = gate.write.get();
  linux::Child child = RECAP_TRY(linux::start_sharing_memory(
      {.entry = hold_namespace, .stack = g_holder.stack, .new_namespaces = linux::Ns::kUser}));
  return NewUserNamespace(std::move(child), std::move(gate.write));
}

Result<linux::UniqueFd> NewUserNamespace::map(const RunIds& ids) {
  RECAP_TRY(write_map(holder_.pid, "uid_map", ids.block_first));
  RECAP_TRY(write_map(holder_.pid, "gid_map", ids.block_first));
  auto ns = linux::open_at(linux::kCwd, base::concat<48>("/proc/", holder_.pid, "/ns/user").c_str(),
                           O_RDONLY);
  give_up();
  return ns;
}

}  // namespace recap::engine
