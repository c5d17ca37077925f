// SPDX-License-Identifier: Apache-2.0
// Where RECap keeps its things on this host. Both directories are root's alone (0700).
#pragma once

#include <string>

#include "base/result.h"

namespace recap::capsule {

struct Dirs {
  std::string state = "/run/recap";     // live runs: runs/RUN/{ledger,control,pid,…}
  std::string data = "/var/lib/recap";  // store/, records/, catalog/

  std::string policy = "/etc/recap/policy.yaml";  // ceilings of this host; need not be there

  [[nodiscard]] std::string runs() const { return state + "/runs"; }
  [[nodiscard]] std::string store() const { return data + "/store"; }
  [[nodiscard]] std::string records() const { return data + "/records"; }
  [[nodiscard]] std::string catalog_index() const { return data + "/catalog/index"; }
  [[nodiscard]] std::string compiled_policy() const { return data + "/policy"; }

  // The defaults, unless RECAP_STATE_DIR, RECAP_DATA_DIR or RECAP_POLICY say otherwise.
  static Dirs from_environment();

  // Makes what is missing. kDenied when a directory is not root's or others may look into it: what
  // lies there is believed.
  [[nodiscard]] base::Status ensure() const;
};

}  // namespace recap::capsule
