// SPDX-License-Identifier: Apache-2.0
#include "kube/http.h"

#include <charconv>
#include <cstdint>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace recap::kube {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kMaxHeader = std::size_t{32} << 10;
constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10;

bool fits_in_a_line(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<std::string> write_request(const HttpRequest& request, std::string_view host,
                                  const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  if (!fits_in_a_line(request.target) || request.target.find(' ') != std::string::npos) {
    return Error(Kind::kInvalid, "the request's path has a character that it cannot have");
  }
  out.append("Host: ").append(host).append("\r\nAccept: application/json\r\n");
  for (const auto& [name, value] : headers) {
    if (!fits_in_a_line(name) || !fits_in_a_line(value)) {
      return Error(Kind::kInvalid,
                   base::concat<160>("the header ", name, " would have a line break: check the ",
                                     "credential")
                       .view());
    }
    out += name + ": " + value + "\r\n";
  }
  if (!request.body.empty()) {
    out += "Content-Type: " + request.content_type + "\r\n";
  }
  if (!request.body.empty() || request.method == "POST") {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n" + request.body;
}

// The names of the overrides are the library's.
class ResponseReader::Parser : public http::basic_parser<false> {
 public:
  Parser(std::size_t max_body, BodySink sink) : max_body_(max_body), sink_(std::move(sink)) {
    header_limit(kMaxHeader);
    body_limit(boost::none);
    eager(true);
  }

  int code = 0;
  std::optional<std::chrono::seconds> retry_after;
  std::string text;
  Status failure;  // of the sink, or of a limit

 private:
  using ErrorCode = beast::error_code;
  using View = beast::string_view;

  void on_request_impl(http::verb, View, View, int, ErrorCode&) override {}
  void on_response_impl(int status, View, int, ErrorCode&) override { code = status; }
  void on_field_impl(http::field name, View, View value, ErrorCode&) override {
    std::int64_t seconds = 0;
    if (name == http::field::retry_after &&
        std::from_chars(value.data(), value.data() + value.size(), seconds).ec == std::errc{} &&
        seconds >= 0 && seconds < 86400) {
      retry_after = std::chrono::seconds(seconds);
    }
  }
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(View bytes, ErrorCode& error) override {
    take({bytes.data(), bytes.size()}, error);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View bytes, ErrorCode& error) override {
    take({bytes.data(), bytes.size()}, error);
    return bytes.size();
  }
  void on_finish_impl(ErrorCode&) override {}

  void take(std::string_view bytes, ErrorCode& error) {
    const bool good = code >= 200 && code < 300;
    if (good && sink_) {
      failure = sink_(bytes);
    } else if (text.size() + bytes.size() <= (good ? max_body_ : kMaxErrorBody)) {
      text += bytes;
    } else {
      failure = Error(Kind::kExhausted, "the API server's answer is larger than we accept");
    }
    if (!failure) {
      error = http::error::body_limit;
    }
  }

  std::size_t max_body_;
  BodySink sink_;
};

ResponseReader::ResponseReader(std::size_t max_body, BodySink sink)
    : parser_(std::make_unique<Parser>(max_body, std::move(sink))) {}

ResponseReader::~ResponseReader() = default;

Status ResponseReader::feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  pending_ += bytes;
  beast::error_code error;
  std::size_t used = 0;
  while (used < pending_.size() && !error && !parser_->is_done()) {
    used +=
        parser_->put(boost::asio::buffer(pending_.data() + used, pending_.size() - used), error);
  }
  pending_.erase(0, used);
  if (!parser_->failure) {
    return parser_->failure;
  }
  if (error && error != http::error::need_more) {
    return Error(error == http::error::header_limit ? Kind::kExhausted : Kind::kCorrupt,
                 "the server does not speak HTTP as an API server does: " + error.message());
  }
  if (pending_.size() > kMaxHeader) {
    return Error(Kind::kExhausted, "the API server's answer has a header larger than we accept");
  }
  return {};
}

Status ResponseReader::end_of_stream() {
  beast::error_code error;
  if (begun_ && !parser_->is_done()) {
    parser_->put_eof(error);
  }
  if (!begun_ || error || !parser_->is_done()) {
    return Error(Kind::kBusy,
                 "the API server closed the connection before its answer was complete");
  }
  return {};
}

bool ResponseReader::begun() const { return begun_; }
bool ResponseReader::header_done() const { return parser_->is_header_done(); }
bool ResponseReader::done() const { return parser_->is_done(); }
int ResponseReader::status() const { return parser_->code; }
bool ResponseReader::keep_alive() const {
  return parser_->is_done() && parser_->keep_alive() && pending_.empty();
}
std::optional<std::chrono::seconds> ResponseReader::retry_after() const {
  return parser_->retry_after;
}
std::string& ResponseReader::body() { return parser_->text; }

}  // namespace recap::kube
