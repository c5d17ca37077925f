// SPDX-License-Identifier: Apache-2.0
// The metrics of an exporter that runs as a Capsule, fetched from the loopback address of its
// target's network namespace: no port of the pod is used up, and nothing is reachable from outside.
#pragma once

#include "base/result.h"
#include "kube/kinds.h"
#include "service/http_server.h"
#include "targets/target.h"

namespace recap::caplet {

using service::HttpAnswer;

// Blocks for up to 5 s: for a worker. Its socket is made in the target's namespace by a thread that
// ends with that; no thread of the Caplet stays there. 502 when the exporter does not answer.
HttpAnswer scrape(const targets::Target& target, const targets::Roots& roots,
                  const kube::ScrapeSpec& spec);

}  // namespace recap::caplet
