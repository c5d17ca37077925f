// SPDX-License-Identifier: Apache-2.0
// One GET over a unix socket. HTTP/1.0 on purpose: the server then may neither chunk the answer nor
// keep the connection, so an answer is a header, a blank line, and everything up to end of file.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::targets {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// kNotFound when nobody listens at `socket`; kTimeout after 10 s; kDenied when the listener is
// neither root's nor ours; kCorrupt when the answer is no HTTP or larger than kMaxJsonBytes.
base::Result<HttpAnswer> http_get(const std::string& socket, std::string_view path);

// Takes an answer apart; exposed for its tests.
base::Result<HttpAnswer> parse_answer(std::string whole);

}  // namespace recap::targets
