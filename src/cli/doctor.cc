// SPDX-License-Identifier: Apache-2.0
// recap doctor: what this host can and cannot do, why, and what to do about it.
#include "cli/doctor.h"

#include <algorithm>
#include <string>

#include "capsule/json.h"
#include "cli/command.h"
#include "cli/verbs.h"
#include "console/escape.h"
#include "console/output.h"

namespace recap::cli {
namespace {

constexpr int kExitFail = 1;

std::string_view text_of(Health health) {
  switch (health) {
    case Health::kOk:
      return "OK";
    case Health::kWarn:
      return "WARN";
    case Health::kFail:
      return "FAIL";
  }
  return "?";
}

void write_text(Output& out, const Findings& findings) {
  std::size_t widest = 0;
  for (const Finding& finding : findings) {
    widest = std::max(widest, finding.check.size());
  }
  for (const Finding& finding : findings) {
    std::string line(text_of(finding.health));
    line.resize(6, ' ');
    line += finding.check;
    line.append(widest - finding.check.size() + 2, ' ');
    out << line << printable(finding.found) << "\n";
    if (!finding.advice.empty()) {
      out << std::string(widest + 8, ' ') << "→ " << printable(finding.advice) << "\n";
    }
  }
}

void write_json(Output& out, const Findings& findings) {
  capsule::JsonWriter json;
  json.begin_array();
  for (const Finding& finding : findings) {
    json.begin_object().key("status").text(text_of(finding.health));
    json.key("check").text(finding.check).key("found").text(finding.found);
    json.key("advice").text(finding.advice).end_object();
  }
  json.end_array();
  out << json.take();
}

}  // namespace

int doctor(std::span<char*> args) {
  std::string format;
  Command command("doctor");
  command.bind("--output", format);
  if (const auto done = command.parse(args)) {
    return *done;
  }
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  Findings findings;
  check_kernel(findings);
  check_mounts(findings, dirs);
  check_cgroups(findings);
  check_host(findings, dirs);
  Output out;
  if (format == "json") {
    write_json(out, findings);
  } else {
    write_text(out, findings);
  }
  const bool failed = std::ranges::count(findings, Health::kFail, &Finding::health) != 0;
  return out.finish("doctor", failed ? kExitFail : 0);
}

}  // namespace recap::cli
