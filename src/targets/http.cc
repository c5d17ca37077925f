// SPDX-License-Identifier: Apache-2.0
// See http.h.
#include "targets/http.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>

#include "linux/error.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "linux/unique_fd.h"
#include "targets/files.h"
#include "targets/json.h"
#include "targets/text.h"

namespace recap::targets {
namespace {

using base::Error;
using base::Kind;
using base::Result;

constexpr std::uint64_t kTimeoutMs = 10'000;
constexpr std::size_t kMaxHeader = 65536;

Result<linux::UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error(Kind::kInvalid, "socket path " + shown(path) + " is longer than 107 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  linux::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) {
    return linux::failed("open", "a unix socket", errno);
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR || errno == ENOTSOCK) {
      return Error(Kind::kNotFound, "nobody listens at " + path);
    }
    // EAGAIN: the listener's queue is full, which a unix socket does not let us wait for.
    return linux::failed("connect to", path, errno);
  }
  const std::uint32_t uid = RECAP_TRY(linux::peer_uid(fd.get()));
  if (!is_trusted_uid(uid)) {
    return Error(Kind::kDenied, path + " is served by uid " + std::to_string(uid) +
                                    ": only root's container engine is believed");
  }
  return fd;
}

Result<std::size_t> receive_some(int fd, std::span<char> buffer, std::uint64_t deadline_ns) {
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got >= 0) {
      return static_cast<std::size_t>(got);
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN) {
      return linux::failed("read from", "the container engine", errno);
    }
    const std::uint64_t now = linux::monotonic_ns();
    if (now >= deadline_ns) {
      return Error(Kind::kTimeout, "no answer within 10 s: is the container engine stuck?");
    }
    std::array<linux::PollFd, 1> wait{{{.fd = fd, .events = linux::kPollIn}}};
    const auto left_ms = static_cast<std::int64_t>((deadline_ns - now) / 1'000'000 + 1);
    (void)RECAP_TRY(linux::poll(wait, left_ms));
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

struct Header {
  int status = 0;
  std::size_t size = 0;  // up to and including the blank line
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
};

// nullopt: more is to come.
Result<std::optional<Header>> parse_header(std::string_view text) {
  const std::size_t end = text.substr(0, kMaxHeader).find("\r\n\r\n");
  if (end == text.npos) {
    if (text.size() >= kMaxHeader) {
      return Error(Kind::kCorrupt, "the answer's header is larger than 64 KiB");
    }
    return std::optional<Header>();
  }
  Header header;
  header.size = end + 4;
  std::string_view rest = text.substr(0, end);
  const std::string_view first = rest.substr(0, rest.find("\r\n"));
  const auto words = split(first, ' ');
  const std::uint64_t status = words.size() >= 2 ? parse_number(words[1]).value_or(0) : 0;
  if (!first.starts_with("HTTP/1.") || status < 100 || status > 599) {
    return Error(Kind::kCorrupt, "the answer is not HTTP");
  }
  header.status = static_cast<int>(status);
  for (const auto line : split(rest.substr(first.size()), '\n')) {
    const std::string field = lower(line.substr(0, line.find('\r')));
    if (field.starts_with("content-length:")) {
      const auto value = split(std::string_view(field).substr(15), ' ');
      header.content_length = value.size() == 1 ? parse_number(value[0]) : std::nullopt;
    }
    header.chunked = header.chunked || field.starts_with("transfer-encoding:");
  }
  return std::optional(header);
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

constexpr std::size_t kMaxChunkLine = 128;  // its size in hexadecimal, and extensions

// Takes an answer in as it comes, and knows when it is whole: the server's end of file may come
// a while later.
class AnswerReader {
 public:
  // True: nothing more is to come.
  Result<bool> take(std::string_view more) {
    pending_ += more;
    if (!header_) {
      header_ = RECAP_TRY(parse_header(pending_));
      if (!header_) {
        return false;
      }
      pending_.erase(0, header_->size);
    }
    if (header_->chunked) {
      return take_chunks();
    }
    body_ += pending_;
    pending_.clear();
    if (body_.size() > kMaxJsonBytes) {
      return too_large();
    }
    return header_->content_length && body_.size() >= *header_->content_length;
  }

  // After take() said so, or at the end of file.
  Result<HttpAnswer> finish() {
    if (!header_) {
      return Error(Kind::kCorrupt, "the answer ends within its header");
    }
    const std::uint64_t expected = header_->content_length.value_or(body_.size());
    if (body_.size() < expected || (header_->chunked && !last_chunk_)) {
      return Error(Kind::kCorrupt, "the answer is cut short");
    }
    body_.resize(expected);
    return HttpAnswer{header_->status, std::move(body_)};
  }

 private:
  static Error too_large() { return {Kind::kCorrupt, "the answer is larger than 16 MiB"}; }

  Result<bool> take_chunks() {
    std::size_t at = 0;  // in pending_: up to here it was taken
    while (!last_chunk_) {
      const std::string_view rest = std::string_view(pending_).substr(at);
      const std::size_t line = rest.substr(0, kMaxChunkLine).find("\r\n");
      if (line == rest.npos && rest.size() < kMaxChunkLine) {
        break;
      }
      const auto size = parse_hex(rest.substr(0, std::min(line, rest.find(';'))));
      if (line == rest.npos || !size) {
        return Error(Kind::kCorrupt, "the answer's chunks are damaged");
      }
      if (*size > kMaxJsonBytes || body_.size() + *size > kMaxJsonBytes) {
        return too_large();
      }
      last_chunk_ = *size == 0;  // trailers may follow; nobody asked for them
      const std::size_t end = line + 2 + *size;
      if (!last_chunk_ && rest.size() < end + 2) {
        break;
      }
      body_ += rest.substr(line + 2, *size);
      at += last_chunk_ ? rest.size() : end + 2;
    }
    pending_.erase(0, at);
    return last_chunk_;
  }

  std::string pending_, body_;
  std::optional<Header> header_;
  bool last_chunk_ = false;
};

}  // namespace

Result<HttpAnswer> parse_answer(std::string_view whole) {
  AnswerReader reader;
  (void)RECAP_TRY(reader.take(whole));
  return reader.finish();
}

Result<HttpAnswer> http_get(const std::string& socket, std::string_view path) {
  const std::uint64_t deadline_ns = linux::monotonic_ns() + kTimeoutMs * 1'000'000;
  const linux::UniqueFd fd = RECAP_TRY(connect_to(socket));
  const std::string request = "GET " + std::string(path) +
                              " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
                              "Connection: close\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {  // far below the socket's buffer: whole or not at all
    return linux::failed("ask", socket, errno);
  }
  AnswerReader reader;
  std::array<char, 32768> buffer;
  for (;;) {
    const std::size_t got = RECAP_TRY(receive_some(fd.get(), buffer, deadline_ns).context(socket));
    if (got == 0 || RECAP_TRY(reader.take(std::string_view(buffer.data(), got)).context(socket))) {
      return reader.finish().context(socket);
    }
  }
}

}  // namespace recap::targets
