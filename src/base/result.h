// SPDX-License-Identifier: Apache-2.0
// The one way a call fails: `Result<T>` holds a value or an `Error`.
//
//   Result<UniqueFd> open_root(Pid pid);            // may fail
//   UniqueFd root = RECAP_TRY(open_root(pid));      // hands the failure to our own caller
//   if (auto r = open_root(pid); !r) { use(r.error()); }
//
// An Error reads as one sentence, outermost context first, and says what to do. It holds no heap
// memory, so the keeper (which has no heap) and code after clone may make one. Our code does not
// throw.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>
#include <utility>

#include "base/fixed_string.h"

namespace recap::base {

// What a caller can act on; the message is for people.
enum class Kind : std::uint8_t {
  kInvalid = 1,  // the request itself is wrong: change it
  kNotFound,     // no such target, image, run, file
  kDenied,       // policy or the kernel refuses
  kUnsupported,  // this kernel, runtime or target cannot do it
  kBusy,         // in use, frozen, or at a limit: try later
  kGone,         // the target ended
  kTimeout,      // a deadline passed
  kCorrupt,      // stored or received data is damaged
  kExists,       // the name is taken
  kExhausted,    // no memory, disk space or file descriptors
  kInternal,     // a bug in RECap
};

class Error {
 public:
  Error(Kind kind, std::string_view message, int errno_value = 0)
      : message_(message), errno_(errno_value), kind_(kind) {}

  // Puts "`what`: " in front of the message.
  Error&& context(std::string_view what) && {
    FixedString<kMessageBytes> whole(what);
    whole.append(": ").append(message_.view());
    message_ = whole;
    return std::move(*this);
  }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] int errno_value() const { return errno_; }  // 0: not from a syscall
  [[nodiscard]] std::string_view message() const { return message_.view(); }

 private:
  static constexpr std::size_t kMessageBytes = 512;
  FixedString<kMessageBytes> message_;
  int errno_;
  Kind kind_;
};

// std::expected of libstdc++ 12 is not [[nodiscard]]; this is.
template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result() = default;
  Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}  // NOLINT

  // Adds context to a failure; a success passes unchanged.
  Result&& context(std::string_view what) && {
    if (!this->has_value()) {
      this->error() = std::move(this->error()).context(what);
    }
    return std::move(*this);
  }
};

using Status = Result<void>;

}  // namespace recap::base

// Evaluates to the value of `expr`, or returns its error from the calling function. `expr` may hold
// another RECAP_TRY: each has a variable of its own.
#define RECAP_TRY(expr) RECAP_TRY_NUMBER(expr, __COUNTER__)
#define RECAP_TRY_NUMBER(expr, number) RECAP_TRY_NUMBERED(expr, number)
#define RECAP_TRY_NUMBERED(expr, number) RECAP_TRY_INTO(expr, recap_try_##number)
#define RECAP_TRY_INTO(expr, result)        \
  __extension__({                           \
    auto result = (expr);                   \
    if (!result.has_value()) [[unlikely]] { \
      return std::move(result).error();     \
    }                                       \
    *std::move(result);                     \
  })
