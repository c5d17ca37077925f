// SPDX-License-Identifier: Apache-2.0
#include "engine/log.h"

#include <fcntl.h>

#include "linux/fs.h"

namespace recap::engine {

namespace {

base::Result<linux::UniqueFd> open_new(int dir, const char* name, int flags) {
  return linux::open_at(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | flags, 0600);
}

}  // namespace

base::Result<BoundedLog> BoundedLog::create(int dir, std::string_view name,
                                            std::uint64_t max_bytes) {
  BoundedLog log;
  log.dir_ = dir;
  log.name_ = base::FixedString<96>(name);
  log.half_ = max_bytes / 2;
  log.file_ = RECAP_TRY(open_new(dir, log.name_.c_str(), O_EXCL));
  return log;
}

base::Status BoundedLog::rotate() {
  const auto older = base::concat<100>(name_, ".1");
  const auto newer = base::concat<100>(name_, ".new");
  // First what may fail: the full file stays as it is.
  linux::UniqueFd file = RECAP_TRY(open_new(dir_, newer.c_str(), O_TRUNC));
  RECAP_TRY(linux::rename_at(dir_, name_.c_str(), older.c_str()));
  RECAP_TRY(linux::rename_at(dir_, newer.c_str(), name_.c_str()));
  file_ = std::move(file);
  dropped_ += previous_;
  previous_ = size_;
  size_ = 0;
  return {};
}

void BoundedLog::append(std::span<const std::byte> data) {
  const bool has_room = size_ + data.size() <= half_ || size_ == 0 || rotate().has_value();
  while (has_room && !data.empty()) {
    const auto written = linux::write_some(file_.get(), data);
    if (!written || *written == 0) {
      break;
    }
    size_ += *written;
    data = data.subspan(*written);
  }
  dropped_ += data.size();
}

}  // namespace recap::engine
