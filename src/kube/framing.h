// SPDX-License-Identifier: Apache-2.0
// Takes a stream of bytes apart into JSON documents without holding more than one of them: the
// lines of a watch, the items of a list. Bytes may come in pieces of any size; what is handed out
// is valid until the call returns.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace recap::kube {

// Gets one document; its failure ends the reading and is returned to who fed.
using DocumentSink = std::function<base::Status(std::string_view)>;

// One document a line; empty lines are skipped.
class LineReader {
 public:
  LineReader(std::size_t max_line, DocumentSink each);

  // kExhausted when a line is longer than max_line; then, and after a failure of `each`, feed it no
  // more.
  base::Status feed(std::string_view bytes);
  // The stream is over: kBusy in the middle of a line, as for a broken connection.
  [[nodiscard]] base::Status finish() const;
  [[nodiscard]] bool inside_line() const { return !line_.empty(); }

 private:
  base::Status append(std::string_view bytes);

  std::size_t max_line_;
  DocumentSink each_;
  std::string line_;
};

// The elements of the member "items" of one object, each as one document; the rest of the object,
// with "items": [], is the envelope. Checks only what it needs to tell them apart: the documents
// are to be parsed.
class ItemSplitter {
 public:
  ItemSplitter(std::size_t max_item, DocumentSink each);

  // kExhausted when an item is longer than max_item, or the envelope than 1 MiB; kCorrupt when an
  // item is no object.
  base::Status feed(std::string_view bytes);
  // kCorrupt when the object is not complete.
  [[nodiscard]] base::Result<std::string> envelope() const;

 private:
  // Each takes one byte; false: failure_ says why. A Status per byte would cost more than the rest.
  bool next(char c);
  bool outside(char c);
  bool open_or_close(char c);
  bool between_items(char c);
  bool inside_item(char c);
  bool track_string(char c);
  bool fail(const base::Error& error);

  std::size_t max_item_;
  DocumentSink each_;
  std::string envelope_, item_;
  std::string text_;  // the last string of the envelope's top level
  std::string key_;   // the member whose value is being read there
  std::size_t depth_ = 0;
  bool in_string_ = false, escaped_ = false, in_items_ = false;
  bool complete_ = false;
  base::Status failure_;
};

}  // namespace recap::kube
