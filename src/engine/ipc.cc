// SPDX-License-Identifier: Apache-2.0
#include "engine/ipc.h"

#include <array>

#include "linux/fs.h"
#include "linux/proc.h"
#include "linux/sysv.h"

namespace recap::engine {

namespace {

struct Table {
  const char* file;
  linux::SysvKind kind;
  int id_column;
  int creator_column;  // cuid: the creator stays, the owner can be changed
  std::string_view name;
};
constexpr Table kTables[] = {
    {"/proc/sysvipc/shm", linux::SysvKind::kShm, 1, 9, "shared memory"},
    {"/proc/sysvipc/sem", linux::SysvKind::kSem, 1, 6, "semaphore set"},
    {"/proc/sysvipc/msg", linux::SysvKind::kMsg, 1, 9, "message queue"},
};

bool is_of_run(const RunIds& ids, std::uint64_t uid) {
  return uid >= ids.block_first && uid < std::uint64_t{ids.block_first} + kIdsPerRun;
}

// Removes in rounds: a table longer than the buffer shrinks until it fits.
bool remove_round(const Table& table, const RunIds& ids, void* context, ReportLeft left) {
  std::array<char, 16384> buffer;
  const auto text = linux::read_file_at(linux::kCwd, table.file, buffer);
  if (!text) {
    return false;
  }
  bool removed_any = false;
  std::string_view rest = *text;
  linux::next_line(rest);  // the heading
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    std::uint64_t id = 0;
    std::uint64_t creator = 0;
    for (int column = 0; column <= table.creator_column; ++column) {
      const std::uint64_t value = linux::parse_number(linux::next_word(line)).value_or(~0ULL);
      id = column == table.id_column ? value : id;
      creator = column == table.creator_column ? value : creator;
    }
    if (!is_of_run(ids, creator)) {
      continue;
    }
    if (linux::remove_sysv(table.kind, static_cast<int>(id))) {
      removed_any = true;
    } else {
      left(context, base::concat<64>("System V ", table.name, " ", id));
    }
  }
  return removed_any && text->size() == buffer.size();
}

}  // namespace

void remove_ipc_objects(const RunIds& ids, void* context, ReportLeft left) {
  if (ids.block_first == 0) {
    return;
  }
  constexpr int kRounds = 64;
  for (const Table& table : kTables) {
    for (int i = 0; i < kRounds && remove_round(table, ids, context, left); ++i) {
    }
  }
}

}  // namespace recap::engine
