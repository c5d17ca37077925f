// SPDX-License-Identifier: Apache-2.0
// How a run reads in a table and in JSON. The text is not yet printable: Table and Json see to
// that.
#pragma once

#include <string>

#include "capsule/json.h"
#include "capsule/runs.h"

namespace recap::cli {

std::string function_text(const capsule::Run& run);
std::string target_text(const capsule::Run& run);
std::string age_of(const capsule::Run& run);  // since its start
std::string status_text(const capsule::Run& run);

// Appends one object: the record of an ended run; of a live one what is known, with a "status".
void describe(capsule::JsonWriter& json, const capsule::Run& run);

}  // namespace recap::cli
