// SPDX-License-Identifier: Apache-2.0
// The runs of this node: live ones from STATE/runs/RUN/, ended ones from their records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capsule/dirs.h"
#include "run/record.h"
#include "run/spec.h"

namespace recap::capsule {

// A decoded Spec together with the bytes its views point into.
struct StoredSpec {
  std::vector<std::byte> bytes;
  std::vector<std::string_view> words;
  run::Spec spec;
};

// A decoded Record together with the bytes its views point into.
struct StoredRecord {
  std::vector<std::byte> bytes;
  run::Record record;
};

enum class Life : std::uint8_t {
  kLive,   // its keeper is there
  kDead,   // its directory is there, its keeper is not: to be cleaned up
  kEnded,  // only its record is there
};

struct Run {
  std::string id;
  Life life = Life::kEnded;
  std::uint32_t keeper_pid = 0;          // kLive
  std::unique_ptr<StoredSpec> spec;      // of kLive and kDead, when it could be read
  std::unique_ptr<StoredRecord> record;  // of kEnded

  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] const run::TargetId* target() const;  // nullptr when neither could be read
  [[nodiscard]] const run::ImageId* image() const;
};

// [a-z0-9-]{1,40}: what the name of a run's files may be.
bool is_run_id(std::string_view text);

// "PID STARTTIME\n" of a pid file.
struct KeeperId {
  std::uint32_t pid = 0;
  std::uint64_t start_time = 0;
};
std::optional<KeeperId> parse_pid_file(std::string_view text);

// Not when it is a zombie: some first processes reap late.
bool is_alive(const KeeperId& keeper);

// Live and dead runs, oldest first. None is no error; a run that ends meanwhile is left out.
base::Result<std::vector<Run>> list_live(const Dirs& dirs);

// Ended runs, oldest first; records that cannot be read are left out.
base::Result<std::vector<Run>> list_ended(const Dirs& dirs);

// The record of RUN; kNotFound while the run lives.
base::Result<StoredRecord> read_record(const Dirs& dirs, std::string_view id);

enum class Among : std::uint8_t { kLive, kAll };

// The one run that `reference` names: an id, a name, or a prefix of either. Live runs come first;
// of ended runs with the same name, the last. kNotFound; kInvalid when ambiguous, with candidates.
base::Result<Run> find_run(const Dirs& dirs, std::string_view reference, Among among);

// The rule of find_run(), on runs that are already read: an index into `runs`.
base::Result<std::size_t> choose(const std::vector<Run>& runs, std::string_view reference);

}  // namespace recap::capsule
