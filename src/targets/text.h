// SPDX-License-Identifier: Apache-2.0
// Words that come from outside: which of them can be a container's name, and how they are shown in
// an error message without carrying escape sequences to the reader's terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace recap::targets {

inline constexpr std::size_t kMaxReference = 256;

// `text` with what is not printable ASCII as \xNN, cut after about 80 characters; `shown` puts it
// in single quotes.
std::string escaped(std::string_view text);
std::string shown(std::string_view text);

bool is_printable(std::string_view text);  // ASCII 0x20…0x7e only
// [A-Za-z0-9][A-Za-z0-9_.-]*: Docker's and Podman's rule; safe in a URL and as a file name.
bool is_engine_name(std::string_view text);
// Can be the name of one directory: no '/', not "", "." or "..".
bool is_component(std::string_view text);
bool is_hex64(std::string_view text);  // a generated container id

// All of `text`, decimal, without sign, spaces or leading zeros; nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);  // empty parts dropped

}  // namespace recap::targets
