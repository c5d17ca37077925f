// SPDX-License-Identifier: Apache-2.0
#include "kube/framing.h"

#include <utility>

namespace recap::kube {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kMaxEnvelope = std::size_t{1} << 20;
constexpr std::size_t kMaxKey = 16;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Error too_long(std::string_view what) {
  return {Kind::kExhausted,
          base::concat<200>("the API server sent ", what, ", larger than we accept").view()};
}

Error no_list() { return {Kind::kCorrupt, "the API server sent a list that is no valid JSON"}; }

}  // namespace

LineReader::LineReader(std::size_t max_line, DocumentSink each)
    : max_line_(max_line), each_(std::move(each)) {}

Status LineReader::append(std::string_view bytes) {
  if (line_.size() + bytes.size() > max_line_) {
    return too_long("an event");
  }
  line_ += bytes;
  return {};
}

Status LineReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      return append(bytes);
    }
    std::string_view line = bytes.substr(0, end);
    if (line_.empty() && line.size() > max_line_) {
      return too_long("an event");
    }
    if (!line_.empty()) {
      RECAP_TRY(append(line));
      line = line_;
    }
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      RECAP_TRY(each_(line));
    }
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
  return {};
}

Status LineReader::finish() const {
  if (inside_line()) {
    return Error(Kind::kBusy, "the API server ended a watch in the middle of an event");
  }
  return {};
}

ItemSplitter::ItemSplitter(std::size_t max_item, DocumentSink each)
    : max_item_(max_item), each_(std::move(each)) {}

Status ItemSplitter::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (!next(c)) {
      return failure_;
    }
  }
  return {};
}

bool ItemSplitter::fail(const Error& error) {
  failure_ = error;
  return false;
}

bool ItemSplitter::next(char c) {
  if (in_items_) {
    return item_.empty() ? between_items(c) : inside_item(c);
  }
  return outside(c);
}

// Whether `c` belongs to a string, its quotes included.
bool ItemSplitter::track_string(char c) {
  if (!in_string_) {
    in_string_ = c == '"';
    return in_string_;
  }
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
  }
  return true;
}

bool ItemSplitter::outside(char c) {
  if (complete_) {
    return is_space(c) || fail(no_list());
  }
  if (envelope_.size() == kMaxEnvelope) {
    return fail(too_long("a list"));
  }
  envelope_ += c;
  const bool was_in_string = in_string_;
  if (!track_string(c)) {
    return open_or_close(c);
  }
  if (!was_in_string) {
    text_.clear();
  } else if (in_string_ && depth_ == 1 && text_.size() < kMaxKey) {
    text_ += c;
  }
  return true;
}

bool ItemSplitter::open_or_close(char c) {
  if (c == ':' && depth_ == 1) {
    key_ = text_;
  } else if (c == ',' && depth_ == 1) {
    key_.clear();
  } else if (c == '{' || c == '[') {
    in_items_ = c == '[' && depth_ == 1 && key_ == "items";
    ++depth_;
  } else if ((c == '}' || c == ']') && depth_ > 0) {
    complete_ = --depth_ == 0;
  } else if (depth_ == 0 && !is_space(c)) {
    return fail(no_list());
  }
  return true;
}

bool ItemSplitter::between_items(char c) {
  if (c == '{') {
    item_ = c;
    ++depth_;
  } else if (c == ']') {
    in_items_ = false;
    --depth_;
    envelope_ += c;
  } else if (!is_space(c) && c != ',') {
    return fail(no_list());
  }
  return true;
}

bool ItemSplitter::inside_item(char c) {
  if (item_.size() == max_item_) {
    return fail(too_long("an object"));
  }
  item_ += c;
  if (track_string(c)) {
    return true;
  }
  if (c == '{' || c == '[') {
    ++depth_;
  } else if ((c == '}' || c == ']') && --depth_ == 2) {
    failure_ = each_(item_);
    item_.clear();
  }
  return failure_.has_value();
}

Result<std::string> ItemSplitter::envelope() const {
  if (!complete_) {
    return Error(Kind::kCorrupt, "the API server ended a list in the middle");
  }
  return envelope_;
}

}  // namespace recap::kube
