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
  int creator_column;  // cuid: the creator stays, the owner can be changed
  std::string_view name;
};
constexpr Table kTables[] = {
    {"/proc/sysvipc/shm", linux::SysvKind::kShm, 9, "shared memory"},
    {"/proc/sysvipc/sem", linux::SysvKind::kSem, 6, "semaphore set"},
    {"/proc/sysvipc/msg", linux::SysvKind::kMsg, 9, "message queue"},
};
constexpr int kIdColumn = 1;

bool is_of_run(const RunIds& ids, std::uint64_t uid) {
  return uid >= ids.block_first && uid < std::uint64_t{ids.block_first} + kIdsPerRun;
}

struct Object {
  std::uint64_t id = 0, creator = 0;
};

// Calls `visit(Object)` for each line; false when the table did not fit and has more.
template <typename F>
bool each_object(const Table& table, F&& visit) {
  std::array<char, 16384> buffer;
  const auto text = linux::read_file_at(linux::kCwd, table.file, buffer);
  std::string_view rest = text ? *text : std::string_view();
  linux::next_line(rest);  // the heading
  while (!rest.empty()) {
    std::string_view line = linux::next_line(rest);
    Object object;
    for (int column = 0; column <= table.creator_column; ++column) {
      const std::uint64_t value = linux::parse_number(linux::next_word(line)).value_or(~0ULL);
      object.id = column == kIdColumn ? value : object.id;
      object.creator = column == table.creator_column ? value : object.creator;
    }
    visit(object);
  }
  return !text || text->size() < buffer.size();
}

// Removes in rounds: a table longer than the buffer shrinks until it fits.
bool remove_round(const Table& table, const RunIds& ids, void* context, ReportLeft left) {
  bool removed_any = false;
  const bool complete = each_object(table, [&](const Object& object) {
    if (!is_of_run(ids, object.creator)) {
      return;
    }
    if (linux::remove_sysv(table.kind, static_cast<int>(object.id))) {
      removed_any = true;
    } else {
      left(context, base::concat<96>("ipc: System V ", table.name, " ", object.id));
    }
  });
  return removed_any && !complete;
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

void each_ipc_object(void* context, VisitObject visit) {
  for (const Table& table : kTables) {
    (void)each_object(table, [&](const Object& object) {
      visit(context, (std::uint64_t{static_cast<std::uint8_t>(table.kind)} << 32) | object.id);
    });
  }
}

std::string_view ipc_kind_name(std::uint64_t object) {
  for (const Table& table : kTables) {
    if (static_cast<std::uint8_t>(table.kind) == object >> 32) {
      return table.name;
    }
  }
  return "object";
}

std::uint32_t ipc_id(std::uint64_t object) { return static_cast<std::uint32_t>(object); }

}  // namespace recap::engine
