// SPDX-License-Identifier: Apache-2.0
#include "caplet/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>

#include "caplet/log.h"
#include "capsule/program.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Status;
using std::chrono::seconds;

constexpr seconds kFirstWait{10};
constexpr seconds kLongestWait{300};
constexpr std::size_t kMaxWaiting = 200;  // runs
constexpr std::size_t kMaxSaid = 8192;
constexpr int kRunDepth = 2;  // SPOOL/CAPSULE/TARGET/RUN

std::vector<std::string> entries_of(const linux::DirFd& dir) {
  std::vector<std::string> names;
  (void)linux::each_entry(dir.get(), [&](const char* name, unsigned char) {
    names.emplace_back(name);
    return true;
  });
  std::ranges::sort(names);
  return names;
}

std::size_t runs_in(const linux::DirFd& dir, int depth) {
  std::size_t count = 0;
  for (const std::string& name : entries_of(dir)) {
    const auto below = linux::open_dir_at(dir.get(), name.c_str());
    count += depth == kRunDepth ? 1 : below ? runs_in(*below, depth + 1) : 0;
  }
  return count;
}

Status write_secret(const std::string& path, const std::string& text) {
  (void)linux::unlink_at(linux::kCwd, path.c_str());
  const linux::UniqueFd file = RECAP_TRY(
      linux::open_at(linux::kCwd, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  return linux::write_text(file.get(), text);
}

}  // namespace

Uploads::Uploads(boost::asio::io_context& loop, const capsule::Dirs& dirs, const std::string& store,
                 Bucket bucket, Metrics& metrics, IsLive is_live)
    : store_(store),
      spool_(dirs.data + "/caplet/spool/" + store),
      config_path_(dirs.state + "/upload-" + store),
      bucket_(std::move(bucket)),
      metrics_(metrics),
      is_live_(std::move(is_live)),
      output_(loop),
      timer_(loop) {
  (void)linux::make_dir_at(linux::kCwd, (dirs.data + "/caplet/spool").c_str(), 0700);
  (void)linux::make_dir_at(linux::kCwd, spool_.c_str(), 0700);
}

Status Uploads::has_room() const {
  const linux::DirFd spool = RECAP_TRY(linux::open_dir_at(linux::kCwd, spool_.c_str()));
  if (runs_in(spool, 0) < kMaxWaiting) {
    return {};
  }
  return Error(Kind::kExhausted, "artifacts of " + std::to_string(kMaxWaiting) +
                                     " runs still wait for the store '" + store_ +
                                     "': see the Caplet's log why it does not take them");
}

void Uploads::look() {
  if (waits_ || !sending_.empty()) {
    return;
  }
  sending_ = next_file();
  if (!sending_.empty()) {
    if (const Status started = send(sending_); !started) {
      take_result(started);
    }
  } else if (!refused_.empty()) {
    wait();
  }
}

std::string Uploads::next_file() {
  const auto spool = linux::open_dir_at(linux::kCwd, spool_.c_str());
  return spool ? next_in(*spool, "", 0) : "";
}

// The first regular file below `dir`; directories that are found empty go.
std::string Uploads::next_in(const linux::DirFd& dir, const std::string& path, int depth) {
  for (const std::string& name : entries_of(dir)) {
    if (depth == kRunDepth && is_live_(name)) {
      continue;
    }
    std::string below = path + name;
    const auto info = linux::stat_at(dir.get(), name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (info && S_ISREG(info->stx_mode) && !refused_.contains(below)) {
      return below;
    }
    const auto folder = linux::open_dir_at(dir.get(), name.c_str());
    std::string found = folder ? next_in(*folder, below + "/", depth + 1) : "";
    if (!found.empty()) {
      return found;
    }
    (void)linux::remove_dir_at(dir.get(), name.c_str());
  }
  return "";
}

// The file is curl's standard input, opened here, where no link can lead out of the spool.
Status Uploads::send(const std::string& file) {
  const linux::DirFd spool = RECAP_TRY(linux::open_dir_at(linux::kCwd, spool_.c_str()));
  const linux::UniqueFd input =
      RECAP_TRY(linux::open_beneath(spool.get(), file.c_str(), O_RDONLY | O_NONBLOCK));
  RECAP_TRY(write_secret(config_path_, RECAP_TRY(upload_config(bucket_, file))));
  linux::Pipe pipe = RECAP_TRY(linux::make_pipe());
  // Nobody waits for it: the kernel reaps it (capsule/start.cc), and its end is that of the pipe.
  (void)RECAP_TRY(capsule::start_program({"curl", "--disable", "--config", config_path_},
                                         pipe.write.get(), input.get()));
  said_.clear();
  boost::system::error_code failed;
  output_.assign(pipe.read.release(), failed);
  read_more();
  return {};
}

void Uploads::read_more() {
  output_.async_read_some(boost::asio::buffer(buffer_),
                          [this](const boost::system::error_code& failed, std::size_t size) {
                            if (failed == boost::asio::error::operation_aborted) {
                              return;
                            }
                            said_.append(buffer_.data(), size);
                            said_.erase(0, said_.size() - std::min(said_.size(), kMaxSaid));
                            failed ? finish() : read_more();
                          });
}

void Uploads::finish() {
  boost::system::error_code ignored;
  output_.close(ignored);
  (void)linux::unlink_at(linux::kCwd, config_path_.c_str());
  take_result(uploaded(said_));
}

void Uploads::take_result(const Status& result) {
  const std::string file = std::exchange(sending_, {});
  metrics_.add("recap_uploads_total", {{"result", result ? "succeeded" : "failed"}});
  if (result) {
    (void)linux::unlink_at(linux::kCwd, (spool_ + "/" + file).c_str());
    trouble_.clear();
    wait_ = seconds(0);
  } else if (result.error().message() != trouble_) {
    trouble_ = result.error().message();
    log_error("artifacts cannot be sent to a store yet; they are kept here",
              {{"store", store_}, {"file", file}, {"why", trouble_}});
  }
  if (!result && result.error().kind() != Kind::kDenied) {
    wait();
    return;
  }
  if (!result) {
    refused_.insert(file);
  }
  look();
}

void Uploads::wait() {
  wait_ = wait_ == seconds(0) ? kFirstWait : std::min(wait_ * 2, kLongestWait);
  waits_ = true;
  timer_.expires_after(wait_);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      waits_ = false;
      refused_.clear();
      look();
    }
  });
}

}  // namespace recap::caplet
