// SPDX-License-Identifier: Apache-2.0
// The credential that a request carries, kept fresh: token files are read again when a minute old,
// plugins run again when what they gave expires, and both when the server says 401.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "kube/config.h"
#include "kube/pace.h"
#include "kube/task.h"

namespace recap::kube {

struct Credential {
  std::string token;              // "": none
  std::string cert_pem, key_pem;  // both or none
};

class Credentials : public std::enable_shared_from_this<Credentials> {
 public:
  explicit Credentials(const Config& config);

  // The one that counts now. A file that cannot be read any more, or a plugin that fails, leaves
  // the earlier one in use: the server decides whether it is still good.
  Task<Credential> current();

  // The server did not accept it: the next current() looks again.
  void rejected() { fresh_until_ = {}; }

 private:
  Task<void> renew();
  Task<void> run(ExecPlugin plugin);
  base::Status read(const std::string& path);

  Config config_;
  Credential credential_;
  bool have_ = false;
  Clock::time_point fresh_until_{};
  std::shared_ptr<boost::asio::steady_timer> renewing_;  // who finds it waits for its end
};

}  // namespace recap::kube
