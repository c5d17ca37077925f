// SPDX-License-Identifier: Apache-2.0
// The Caplet's log is the one of all daemons.
#pragma once

#include "service/log.h"

namespace recap::caplet {

using service::log_error;
using service::log_info;
using service::log_warning;

}  // namespace recap::caplet
