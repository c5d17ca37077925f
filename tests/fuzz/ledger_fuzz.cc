// SPDX-License-Identifier: Apache-2.0
// Any bytes as the ledger that a dead keeper left: its entries lie within it, and where its end is
// cut off, the entries before the cut stay what they were.
#include <algorithm>

#include "check.h"
#include "run/ledger.h"

using namespace recap;  // NOLINT: a test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  const auto read = run::read_ledger(input);
  if (!read) {
    return 0;
  }
  const run::LedgerContents& whole = *read;
  fuzz::check(whole.count <= run::kMaxLedgerEntries);
  for (std::size_t i = 0; i < whole.count; ++i) {
    fuzz::check(fuzz::is_c_string_in(whole.entries[i].text, input));
    fuzz::check(whole.find(whole.entries[i].step) != nullptr);
  }
  const std::size_t cut = size == 0 ? 0 : data[size - 1] % size;
  const run::LedgerContents torn = *run::read_ledger(input.first(cut));
  fuzz::check(torn.count <= whole.count);
  for (std::size_t i = 0; i < torn.count; ++i) {
    fuzz::check(torn.entries[i].step == whole.entries[i].step &&
                torn.entries[i].text == whole.entries[i].text);
  }
  return 0;
}
