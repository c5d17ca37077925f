// SPDX-License-Identifier: Apache-2.0
#include "run/ledger.h"

#include <fcntl.h>

#include "linux/fs.h"
#include "run/wire.h"

namespace recap::run {

base::Result<Ledger> Ledger::create(int run_dir, const char* name) {
  linux::UniqueFd fd = RECAP_TRY(
      linux::open_at(run_dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  RECAP_TRY(linux::lock_exclusive(fd.get()));
  return Ledger(std::move(fd));
}

base::Result<Ledger> Ledger::adopt(int run_dir, const char* name) {
  linux::UniqueFd fd = RECAP_TRY(linux::open_at(run_dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW));
  RECAP_TRY(linux::lock_exclusive(fd.get()));
  return Ledger(std::move(fd));
}

base::Status Ledger::append(const LedgerEntry& entry) {
  std::array<std::byte, 1024> buffer;
  Writer writer(buffer);
  writer.number(static_cast<std::uint32_t>(entry.step));
  writer.number(entry.a);
  writer.number(entry.b);
  writer.text(entry.text);
  if (!writer.ok()) {
    return base::Error(base::Kind::kInvalid, "a ledger entry is too long");
  }
  return linux::write_all(fd_.get(), writer.written()).context("cannot write the ledger");
}

base::Result<LedgerContents> read_ledger(std::span<const std::byte> input) {
  LedgerContents contents;
  Reader reader(input);
  while (true) {
    LedgerEntry entry;
    entry.step = static_cast<Step>(reader.number<std::uint32_t>());
    entry.a = reader.number<std::uint64_t>();
    entry.b = reader.number<std::uint64_t>();
    entry.text = reader.text();
    if (!reader.ok()) {
      return contents;
    }
    if (contents.count == kMaxLedgerEntries) {
      return base::Error(base::Kind::kCorrupt, "the ledger has too many entries");
    }
    contents.entries[contents.count++] = entry;
  }
}

}  // namespace recap::run
