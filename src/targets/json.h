// SPDX-License-Identifier: Apache-2.0
// JSON of runtimes, read leniently: what is absent or of another type reads as empty, so a reader
// states what it needs and ignores the rest. The one place where the JSON library is called, and
// where its exceptions end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace boost::json {
class value;  // NOLINT: their name
}

namespace recap::targets {

inline constexpr std::size_t kMaxJsonBytes = std::size_t{16} << 20;

// One value of a JsonDocument, which must outlive it.
class Json {
 public:
  Json() = default;
  explicit Json(const boost::json::value* value) : value_(value) {}

  [[nodiscard]] bool present() const { return value_ != nullptr; }
  [[nodiscard]] Json operator[](std::string_view key) const;    // member of an object
  [[nodiscard]] Json at(std::size_t index) const;               // element of an array
  [[nodiscard]] std::size_t size() const;                       // elements of an array or object
  [[nodiscard]] std::string_view key(std::size_t index) const;  // of an object's member
  [[nodiscard]] Json member(std::size_t index) const;           // of an object

  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] std::optional<std::uint64_t> number() const;  // a whole number >= 0
  [[nodiscard]] bool flag() const;

 private:
  const boost::json::value* value_ = nullptr;
};

class JsonDocument {
 public:
  // kCorrupt when `text` is no JSON, is deeper than 64 or larger than kMaxJsonBytes; `what` names
  // it.
  static base::Result<JsonDocument> parse(std::string_view text, std::string_view what);
  JsonDocument(JsonDocument&& other) noexcept;
  JsonDocument& operator=(JsonDocument&& other) noexcept;
  ~JsonDocument();

  [[nodiscard]] Json root() const;

 private:
  struct Storage;
  explicit JsonDocument(std::unique_ptr<Storage> storage);
  std::unique_ptr<Storage> storage_;
};

}  // namespace recap::targets
