// SPDX-License-Identifier: Apache-2.0
// What an image asks for in its labels. These are requests, never grants: admission reads them only
// for a digest of the installed catalogue index (catalog_index.h).
//
//   dev.recap.share=net,pid            dev.recap.capabilities=NET_RAW
//   dev.recap.view=target              dev.recap.profile=net
//   dev.recap.user=reserved            dev.recap.paths=/var/log:rw,/etc/nginx
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "policy/grant.h"

namespace recap::policy {

// kCorrupt when a label cannot be read: a function that asks for something unknown is not run with
// less.
base::Result<Request> defaults_of(const std::map<std::string, std::string>& labels);

// The names of our labels among `labels`, with commas between them; at most 400 bytes. For the
// record of an image that is no function: it asked, and nobody listened.
std::string labels_that_ask(const std::map<std::string, std::string>& labels);

// "/var/log:rw,/etc" as paths.
base::Result<std::vector<PathGrant>> parse_paths(std::string_view text);

}  // namespace recap::policy
