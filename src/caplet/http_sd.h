// SPDX-License-Identifier: Apache-2.0
// The exporters that run as Continuous Capsules, as Prometheus' http_sd_config reads them.
#pragma once

#include <string>

#include "caplet/caplet.h"

namespace recap::caplet {

// `address` is where this Caplet listens: exporters are scraped through it.
std::string http_sd_json(const Caplet& caplet, const std::string& address);

}  // namespace recap::caplet
