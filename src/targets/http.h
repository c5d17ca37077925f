// SPDX-License-Identifier: Apache-2.0
// One GET over a unix socket (RFC 9112). With HTTP/1.1 the server says how long its answer is, by a
// Content-Length or by chunks, so that nobody waits for the end of the connection.
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
base::Result<HttpAnswer> parse_answer(std::string_view whole);

}  // namespace recap::targets
