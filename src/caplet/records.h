// SPDX-License-Identifier: Apache-2.0
// The records and logs that ended runs leave on this node, and how they go.
#pragma once

#include <cstdint>
#include <string>

#include "capsule/dirs.h"

namespace recap::caplet {

// The record of `run_id` with its output; missing files are no error.
void remove_record(const capsule::Dirs& dirs, const std::string& run_id);

// Removes the records of Caplet's runs (their requester is an object) that ended more than `age_s`
// ago. Returns how many.
std::size_t remove_old_records(const capsule::Dirs& dirs, std::int64_t age_s);

// The last bytes that a run wrote to one of its outputs, and how many it wrote as far as the log
// kept them. `stream` is "stdout" or "stderr".
struct OutputTail {
  std::string bytes;
  std::uint64_t total = 0;
};
OutputTail output_tail(const capsule::Dirs& dirs, const std::string& run_id, const char* stream,
                       std::size_t limit);

}  // namespace recap::caplet
