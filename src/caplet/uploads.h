// SPDX-License-Identifier: Apache-2.0
// The way of artifacts into a bucket. A run's /out first goes to a spool on this node,
// DATA/caplet/spool/STORE/CAPSULE/TARGET/RUN, as into a store that is a directory; when the run has
// ended its files are sent one by one and removed here when the server has them. What the server
// does not take is tried again after 10 s, doubling up to 5 minutes, also by later Caplets; a file
// that it refuses does not hold up the others.
//
// One store each. One thread, that of the event loop; `curl` does the sending.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/result.h"
#include "caplet/bucket.h"
#include "caplet/metrics.h"
#include "capsule/dirs.h"
#include "linux/unique_fd.h"

namespace recap::caplet {

class Uploads {
 public:
  using IsLive = std::function<bool(const std::string& run_id)>;

  Uploads(boost::asio::io_context& loop, const capsule::Dirs& dirs, const std::string& store,
          Bucket bucket, Metrics& metrics, IsLive is_live);
  Uploads(const Uploads&) = delete;

  [[nodiscard]] const std::string& spool() const { return spool_; }
  // kExhausted: so much waits that no further run may add to it.
  [[nodiscard]] base::Status has_room() const;

  // Sends what is there of runs that have ended.
  void look();

 private:
  // Of a file below the spool its path, which is the object's key.
  std::string next_file();
  std::string next_in(const linux::DirFd& dir, const std::string& path, int depth);
  base::Status send(const std::string& file);
  void read_more();
  void finish();
  void take_result(const base::Status& result);
  void wait();

  std::string store_, spool_, config_path_;
  Bucket bucket_;
  Metrics& metrics_;
  IsLive is_live_;
  boost::asio::posix::stream_descriptor output_;
  boost::asio::steady_timer timer_;
  std::array<char, 1024> buffer_{};
  std::string said_, sending_, trouble_;
  std::set<std::string> refused_;  // since the last wait
  std::chrono::seconds wait_{0};
  bool waits_ = false;  // for its next attempt
};

}  // namespace recap::caplet
