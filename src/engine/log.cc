// SPDX-License-Identifier: Apache-2.0
#include "engine/log.h"

#include <fcntl.h>

#include "linux/fs.h"

namespace recap::engine {

namespace {

base::Result<linux::UniqueFd> open_new(int dir, const char* name) {
  return linux::open_at(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

}  // namespace

base::Result<BoundedLog> BoundedLog::create(int dir, std::string_view name,
                                            std::uint64_t max_bytes) {
  BoundedLog log;
  log.dir_ = dir;
  log.name_ = base::FixedString<96>(name);
  log.half_ = max_bytes / 2;
  log.file_ = RECAP_TRY(open_new(dir, log.name_.c_str()));
  return log;
}

base::Status BoundedLog::rotate() {
  const auto older = base::concat<100>(name_, ".1");
  RECAP_TRY(linux::rename_at(dir_, name_.c_str(), older.c_str()));
  dropped_ += previous_;
  previous_ = size_;
  size_ = 0;
  file_ = RECAP_TRY(open_new(dir_, name_.c_str()));
  return {};
}

base::Status BoundedLog::append(std::span<const std::byte> data) {
  if (size_ + data.size() > half_ && size_ != 0) {
    RECAP_TRY(rotate());
  }
  size_ += data.size();
  return linux::write_all(file_.get(), data);
}

}  // namespace recap::engine
