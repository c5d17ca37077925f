// SPDX-License-Identifier: Apache-2.0
#include "engine/ipc.h"

#include <fcntl.h>

#include <array>
#include <cstring>
#include <span>

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
  return ids.block_first != 0 && uid >= ids.block_first &&
         uid < std::uint64_t{ids.block_first} + kIdsPerRun;
}

struct Object {
  std::uint64_t id = 0, creator = 0;
};

Object object_in(std::string_view line, const Table& table) {
  Object object;
  for (int column = 0; column <= table.creator_column; ++column) {
    const std::uint64_t value = linux::parse_number(linux::next_word(line)).value_or(~0ULL);
    object.id = column == kIdColumn ? value : object.id;
    object.creator = column == table.creator_column ? value : object.creator;
  }
  return object;
}

// Calls `visit(Object)` for each line. A target may have thousands; the kernel hands out whole
// lines only as far as they fit.
template <typename F>
Status each_object(const Table& table, F&& visit) {
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(linux::kCwd, table.file, O_RDONLY));
  std::array<char, 8192> buffer;
  std::size_t kept = 0;  // the beginning of a line whose end is still to come
  bool is_heading = true;
  while (true) {
    const std::size_t got = RECAP_TRY(
        linux::read_some(file.get(), std::as_writable_bytes(std::span(buffer)).subspan(kept)));
    if (got == 0) {
      return {};
    }
    std::string_view text(buffer.data(), kept + got);
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
      if (!is_heading) {
        visit(object_in(text.substr(0, end), table));
      }
      is_heading = false;
      text.remove_prefix(end + 1);
    }
    std::memmove(buffer.data(), text.data(), text.size());
    kept = text.size();
  }
}

// Shared memory that a process has attached stays until that lets go of it, though its removal
// succeeds. So what counts is what the table says afterwards.
Status remove_objects(const Table& table, const RunIds& ids, void* context, ReportLeft left) {
  bool found = false;
  RECAP_TRY(each_object(table, [&](const Object& object) {
    if (is_of_run(ids, object.creator)) {
      found = true;
      (void)linux::remove_sysv(table.kind, static_cast<int>(object.id));
    }
  }));
  return !found ? Status{} : each_object(table, [&](const Object& object) {
    if (is_of_run(ids, object.creator)) {
      left(context, base::concat<160>("ipc: System V ", table.name, " ", object.id,
                                      " could not be removed: a process outside the run may hold "
                                      "it")
                        .view());
    }
  });
}

// Calls `act()` there and comes back.
template <typename F>
Status in_ipc_namespace(int ipc_ns, F&& act) {
  const linux::UniqueFd own = RECAP_TRY(linux::open_at(linux::kCwd, "/proc/self/ns/ipc", O_RDONLY));
  RECAP_TRY(linux::join(ipc_ns, linux::Ns::kIpc));
  Status acted = act();
  RECAP_TRY(linux::join(own.get(), linux::Ns::kIpc));
  return acted;
}

}  // namespace

Result<linux::UniqueFd> open_ipc_namespace(std::uint32_t pid) {
  return linux::open_at(linux::kCwd, base::concat<64>("/proc/", pid, "/ns/ipc").c_str(), O_RDONLY);
}

Status remove_ipc_objects(int ipc_ns, const RunIds& ids, void* context, ReportLeft left) {
  if (ids.block_first == 0) {
    return {};
  }
  return in_ipc_namespace(ipc_ns, [&]() -> Status {
    for (const Table& table : kTables) {
      if (const Status removed = remove_objects(table, ids, context, left); !removed) {
        left(context, base::concat<200>("unverified: System V objects could not be read: ",
                                        removed.error().message()));
      }
    }
    return {};
  });
}

Status each_other_ipc_object(int ipc_ns, const RunIds& ids, void* context, VisitIpcObject visit) {
  return in_ipc_namespace(ipc_ns, [&]() -> Status {
    for (const Table& table : kTables) {
      RECAP_TRY(each_object(table, [&](const Object& object) {
        if (!is_of_run(ids, object.creator)) {
          visit(context, (std::uint64_t{static_cast<std::uint8_t>(table.kind)} << 32) | object.id);
        }
      }));
    }
    return {};
  });
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
