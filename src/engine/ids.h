// SPDX-License-Identifier: Apache-2.0
// Whose uid the function runs under, and how the image's ids become the host's.
//
// Each live run owns a block of 65,536 uids (and gids) of the range below: id N of the image is
// BLOCK + N on the host, by an idmapped mount of the layers. So the image's root owns the image's
// files, is nobody outside, and is never somebody else's uid.
//
// The range ends below 2^31 and avoids what systemd and the container engines hand out (uids.md of
// systemd): 0x70000000 - 0x7FFDFFFF.
#pragma once

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "linux/process.h"
#include "linux/unique_fd.h"
#include "run/ledger.h"
#include "run/spec.h"

namespace recap::engine {

using base::Result;
using base::Status;

inline constexpr std::uint32_t kFirstUid = 0x70000000;
inline constexpr std::uint32_t kIdsPerRun = 65536;
inline constexpr std::uint32_t kBlocks = 4094;

// Whom the stubs become when their work is done: nobody's uid, and of no run, so that no function
// may signal them by it.
inline constexpr std::uint32_t kStubUid = kFirstUid - 1;

struct RunIds {
  std::uint32_t uid = 0, gid = 0;  // of the function, as the host sees them
  std::uint32_t block_first = 0;   // 0: no block (run-as target or root)
};

// Reserves a block (a symlink state_dir/uids/N to the run's id, in the ledger first) where the run
// needs one, and says who the function will be. kBusy when all blocks are taken.
Result<RunIds> reserve_ids(const run::Spec& spec, int state_dir, run::Ledger& ledger);
Status release_ids(int state_dir, std::uint64_t block, std::string_view run_id);

// A user namespace for an idmapped mount (mount_setattr(2)). Nobody lives in it: a child of ours
// does, until it is mapped or given up. Most of its price is that child, which needs no ids yet.
class NewUserNamespace {
 public:
  static Result<NewUserNamespace> start();

  // The image's ids become the run's block. Once.
  Result<linux::UniqueFd> map(const RunIds& ids);
  void give_up() { gate_.reset(); }
  [[nodiscard]] const linux::PidFd& holder() const { return holder_.pidfd; }

 private:
  NewUserNamespace(linux::Child holder, linux::UniqueFd gate)
      : holder_(std::move(holder)), gate_(std::move(gate)) {}
  linux::Child holder_;
  linux::UniqueFd gate_;  // the holder leaves when this is closed
};

}  // namespace recap::engine
