// SPDX-License-Identifier: Apache-2.0
// A run's record, and an admitted run, as JSON: --report, `recap inspect`, `recap ps -o json`,
// --dry-run. docs/operations.md lists the fields.
#pragma once

#include <string>

#include "capsule/admit.h"
#include "capsule/json.h"
#include "run/record.h"

namespace recap::capsule {

void write_record(JsonWriter& json, const run::Record& record);
std::string record_json(const run::Record& record);

// What a run would be granted (--dry-run).
std::string admitted_json(const Admitted& run);

}  // namespace recap::capsule
