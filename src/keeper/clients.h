// SPDX-License-Identifier: Apache-2.0
// Those who talk to a keeper (run/control.h): the caller that started it, and clients of its
// control socket.
#pragma once

#include "keeper/active_run.h"

namespace recap::keeper {

void take_from_caller(ActiveRun& run);
void accept_client(ActiveRun& run);
void take_from_client(ActiveRun& run, ActiveRun::Client& client);

// Tells the caller and everybody attached that the function runs.
void announce(ActiveRun& run);

// Tells the caller and every waiting client how the run ended.
void answer_everybody(const ActiveRun& run);

}  // namespace recap::keeper
