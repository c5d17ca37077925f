// SPDX-License-Identifier: Apache-2.0
// How callers and keepers write down what they tell each other: fields in a fixed order, numbers
// little-endian, strings with a 32-bit length and a closing NUL (so that a decoded string can be
// given to the kernel as it is). No separators, hence nothing to escape and nothing to inject.
//
// A Writer never overruns its buffer and a Reader never its input: after the first error both do
// nothing more and `ok()` is false, so a sequence of calls needs one check at its end.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace recap::run {

class Writer {
 public:
  explicit Writer(std::span<std::byte> buffer) : buffer_(buffer) {}

  template <std::integral Int>
  void number(Int value) {
    bytes(&value, sizeof value);
  }

  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes(value.data(), value.size());
    number(char{0});
  }

  void blob(std::span<const std::byte> value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes(value.data(), value.size());
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::span<const std::byte> written() const { return buffer_.first(at_); }

 private:
  void bytes(const void* data, std::size_t size) {
    if (!ok_ || size > buffer_.size() - at_) {
      ok_ = false;
      return;
    }
    if (size != 0) {
      std::memcpy(buffer_.data() + at_, data, size);
    }
    at_ += size;
  }

  std::span<std::byte> buffer_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> input) : input_(input) {}

  template <std::integral Int>
  [[nodiscard]] Int number() {
    Int value{};
    const std::byte* from = take(sizeof value);
    if (from != nullptr) {
      std::memcpy(&value, from, sizeof value);
    }
    return value;
  }

  // A view into the input; `data()[size()]` is NUL. A NUL inside makes the input invalid.
  [[nodiscard]] std::string_view text() {
    const auto size = number<std::uint32_t>();
    const std::byte* from = take(std::size_t{size} + 1);
    if (from == nullptr) {
      return "";
    }
    const auto* chars = reinterpret_cast<const char*>(from);
    if (std::memchr(chars, 0, std::size_t{size} + 1) != chars + size) {
      ok_ = false;
      return "";
    }
    return {chars, size};
  }

  [[nodiscard]] std::span<const std::byte> blob() {
    const auto size = number<std::uint32_t>();
    const std::byte* from = take(size);
    return from == nullptr ? std::span<const std::byte>{} : std::span(from, size);
  }

  // For a value that was read and cannot be: the whole input is invalid.
  void reject() { ok_ = false; }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return ok_ && at_ == input_.size(); }

 private:
  const std::byte* take(std::size_t size) {
    if (!ok_ || size > input_.size() - at_) {
      ok_ = false;
      return nullptr;
    }
    const std::byte* from = input_.data() + at_;
    at_ += size;
    return from;
  }

  std::span<const std::byte> input_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace recap::run
