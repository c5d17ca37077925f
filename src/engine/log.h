// SPDX-License-Identifier: Apache-2.0
// The kept output of a detached run: bounded. The newest half of the bound always survives; what
// had to go is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/fixed_string.h"
#include "base/result.h"
#include "linux/unique_fd.h"

namespace recap::engine {

class BoundedLog {
 public:
  // NAME in `dir` is written; when it reaches half of `max_bytes` it becomes NAME.1 and starts
  // anew.
  static base::Result<BoundedLog> create(int dir, std::string_view name, std::uint64_t max_bytes);
  BoundedLog() = default;

  // What cannot be kept (a full disk) is dropped and counted: the run itself must not suffer.
  void append(std::span<const std::byte> data);
  [[nodiscard]] bool valid() const { return file_.valid(); }
  [[nodiscard]] std::uint64_t dropped_bytes() const { return dropped_; }

 private:
  base::Status rotate();

  linux::UniqueFd file_;
  base::FixedString<96> name_;
  int dir_ = -1;
  std::uint64_t half_ = 0, size_ = 0, previous_ = 0, dropped_ = 0;
};

}  // namespace recap::engine
