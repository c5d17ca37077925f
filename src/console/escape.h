// SPDX-License-Identifier: Apache-2.0
// What may go to a terminal. Names, labels, command lines and paths can come from a target or an
// image, so an attacker may have put escape sequences into them (CVE-2021-25743 is one of many).
// Nothing but printable UTF-8 leaves through here; every other byte is written as \xNN.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace recap::console {

// `text` with each byte of control characters (C0, DEL, C1), of invisible and direction-changing
// characters, and of invalid UTF-8 as \xNN. Cut after `max_columns` columns, with "…" as the last.
std::string printable(std::string_view text, std::size_t max_columns = std::string_view::npos);

// The same, but line feeds and tabs stay: for a function's output shown on a terminal.
std::string printable_lines(std::string_view text);

// The columns that `text`, already printable, takes on a terminal.
std::size_t columns_of(std::string_view text);

}  // namespace recap::console
