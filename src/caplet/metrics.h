// SPDX-License-Identifier: Apache-2.0
// What the Caplet counts; docs/caplet.md explains it.
#pragma once

#include <span>

#include "service/metrics.h"

namespace recap::caplet {

using service::Metrics;

std::span<const service::MetricFamily> metric_families();

}  // namespace recap::caplet
