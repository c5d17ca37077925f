// SPDX-License-Identifier: Apache-2.0
// Any bytes as what an API server sends: an HTTP answer, the lines of a watch, a list. However they
// are cut into pieces, the same comes out, and none of it is larger than its bound.
#include <algorithm>
#include <string>
#include <vector>

#include "check.h"
#include "kube/exec_credential.h"
#include "kube/framing.h"
#include "kube/http.h"
#include "kube/json.h"
#include "kube/status.h"

namespace {

using namespace recap;  // NOLINT: a test
using base::Status;
using fuzz::check;

constexpr std::size_t kBound = 512;

struct Outcome {
  std::vector<std::string> documents;
  std::string rest;
  bool good = true;

  bool operator==(const Outcome&) const = default;
};

template <typename Reader>
bool feed(Reader& reader, std::string_view text, std::size_t piece) {
  for (std::size_t at = 0; at < text.size(); at += piece) {
    if (!reader.feed(text.substr(at, piece))) {
      return false;
    }
  }
  return true;
}

kube::DocumentSink collect(Outcome& into) {
  return [&into](std::string_view document) -> Status {
    check(document.size() <= kBound);
    into.documents.emplace_back(document);
    return {};
  };
}

Outcome read_lines(std::string_view text, std::size_t piece) {
  Outcome out;
  kube::LineReader reader(kBound, collect(out));
  out.good = feed(reader, text, piece) && reader.finish();
  return out;
}

Outcome read_list(std::string_view text, std::size_t piece) {
  Outcome out;
  kube::ItemSplitter splitter(kBound, collect(out));
  out.good = feed(splitter, text, piece);
  if (const auto envelope = splitter.envelope(); out.good && envelope) {
    out.rest = *envelope;
  }
  return out;
}

Outcome read_answer(std::string_view text, std::size_t piece) {
  Outcome out;
  kube::ResponseReader reader(kBound, {});
  out.good = feed(reader, text, piece) && reader.end_of_stream();
  check(reader.body().size() <= (reader.status() / 100 == 2 ? kBound : std::size_t{64} << 10));
  if (out.good) {
    out.rest = std::to_string(reader.status()) + reader.body();
  }
  return out;
}

// What a client does with a document.
void use(std::string_view document) {
  if (const auto object = kube::parse_object(document, "x")) {
    (void)kube::key_of(kube::meta_of(*object));
    const auto error = kube::error_of_status(*object, "watch");
    check(kube::api_code(error) >= 0 && kube::api_code(error) < 1000);
  }
  const auto error = kube::error_of_answer(500, document, "get");
  check(kube::api_code(error) == 500);
  (void)kube::parse_exec_credential(document);
  if (const auto time = kube::parse_time(document)) {
    check(kube::parse_time(kube::micro_time(*time)).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t piece = 1 + data[0] % 16;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  for (const auto read : {read_lines, read_list, read_answer}) {
    const Outcome whole = read(text, std::max<std::size_t>(text.size(), 1));
    check(whole == read(text, piece));
    std::for_each(whole.documents.begin(), whole.documents.end(), use);
  }
  use(text);
  return 0;
}
