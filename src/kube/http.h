// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 as text: a request is written, an answer is read from bytes that come in any pieces. No
// network here.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace recap::kube {

struct HttpRequest {
  std::string method = "GET";
  std::string target;
  std::string body{};
  std::string content_type = "application/json";
};

// kInvalid when a value could not stand in one line, for then it would be another header.
base::Result<std::string> write_request(
    const HttpRequest& request, std::string_view host,
    const std::vector<std::pair<std::string, std::string>>& headers);

// Gets the pieces of a 2xx answer's body; its failure ends the reading.
using BodySink = std::function<base::Status(std::string_view)>;

class ResponseReader {
 public:
  // Without a sink, and for every answer that is not 2xx, the body is kept: at most `max_body`.
  ResponseReader(std::size_t max_body, BodySink sink);
  ~ResponseReader();

  // kCorrupt when this is no HTTP; kExhausted when header or body are too large.
  base::Status feed(std::string_view bytes);
  // The connection ended: kBusy when the answer is not complete.
  base::Status end_of_stream();

  [[nodiscard]] bool begun() const;  // at least one byte was read
  [[nodiscard]] bool header_done() const;
  [[nodiscard]] bool done() const;
  [[nodiscard]] int status() const;
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const;
  [[nodiscard]] std::string& body();

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
  std::string pending_;
  bool begun_ = false;
};

}  // namespace recap::kube
