// SPDX-License-Identifier: Apache-2.0
// The ledger: a write-ahead file of one run. Each step that could leave something behind is written
// down before it is taken (kStub after: it waits), so that a later keeper can undo what this one
// did.
//
// Format: state_dir/runs/RUN/ledger, a sequence of entries {step u32, a u64, b u64, text} in the
// encoding of wire.h, each appended by one write(2). A torn last entry is ignored: its step was not
// taken yet. Nothing is synced: the ledger has to survive our processes, not the machine, whose end
// takes every process, mount and cgroup with it; the boot id in the first entry tells the two
// apart. The living keeper holds flock(2) on the file. docs/ledger.md has the byte layout.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::run {

inline constexpr std::size_t kMaxLedgerBytes = 16384;
inline constexpr std::size_t kMaxLedgerEntries = 64;

enum class Step : std::uint32_t {
  kBegin = 1,  // a: keeper's pid, b: its start time, text: boot id
  kUid,        // a: number of the reserved block of ids
  kRecord,     // space in record_dir is about to be reserved
  kCgroup,     // text: host path of a cgroup that is about to be made
  kStub,       // a: pid of the outer stub, at its gate, as the host sees it, b: its start time
  kFunction,   // the function may run from here on
  kEscape,     // a: run::Reason
  kLeft,       // the record is written; what it names as process or cgroup is still there
  kFiles,      // a, b: numbers of the file systems of the scratch space and of /out, which are made
};

struct LedgerEntry {
  Step step{};
  std::uint64_t a = 0, b = 0;
  std::string_view text = {};
};

class Ledger {
 public:
  // Creates `name` in `run_dir` and takes its lock. kExists when there is one.
  static base::Result<Ledger> create(int run_dir, const char* name);
  // Opens the ledger of a run whose keeper died; kBusy while a keeper holds it.
  static base::Result<Ledger> adopt(int run_dir, const char* name);

  base::Status append(const LedgerEntry& entry);

 private:
  explicit Ledger(linux::UniqueFd fd) : fd_(std::move(fd)) {}
  linux::UniqueFd fd_;
};

// The entries of a ledger, in order; texts point into `input`.
struct LedgerContents {
  std::array<LedgerEntry, kMaxLedgerEntries> entries{};
  std::size_t count = 0;

  [[nodiscard]] const LedgerEntry* find(Step step) const {  // the last of its kind, or nullptr
    for (std::size_t i = count; i > 0; --i) {
      if (entries[i - 1].step == step) {
        return &entries[i - 1];
      }
    }
    return nullptr;
  }
};
// kCorrupt when there are more entries than a run writes: what was not read cannot be undone.
base::Result<LedgerContents> read_ledger(std::span<const std::byte> input);

}  // namespace recap::run
