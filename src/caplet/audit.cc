// SPDX-License-Identifier: Apache-2.0
#include "caplet/audit.h"

#include <fcntl.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "caplet/log.h"
#include "kube/json.h"
#include "linux/fs.h"
#include "linux/process.h"
#include "policy/capabilities.h"
#include "policy/words.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;
using base::Status;

constexpr std::uint64_t kMaxFile = std::uint64_t{8} << 20;
constexpr int kOldFiles = 4;

// What every line has: when, what, whose.
json::object line_of(std::string_view event, const Assignment& assignment) {
  json::object line{
      {"time", kube::micro_time(Now::read().wall.time_since_epoch().count() * 1'000'000)},
      {"event", event}};
  line["object"] = assignment.state().capsule;
  line["target"] = assignment.state().target;
  if (const DeclaredPtr& declared = assignment.declared()) {
    line["generation"] = declared->capsule.meta.generation;
    if (declared->once && !declared->once->requested_by.empty()) {
      line["user"] = declared->once->requested_by;
    }
  }
  return line;
}

json::object grant_of(const capsule::Admitted& run) {
  json::array paths;
  for (const policy::PathGrant& path : run.grant.paths) {
    paths.push_back(json::object{{"path", path.path}, {"writable", path.writable}});
  }
  return {{"share", policy::share_text(run.grant.share)},
          {"view", policy::name_of(run.grant.view)},
          {"paths", std::move(paths)},
          {"capabilities", policy::to_text(run.grant.capabilities)},
          {"runAs", policy::name_of(run.grant.run_as)},
          {"profile", policy::name_of(run.grant.profile)}};
}

}  // namespace

Status Audit::started(const Assignment& assignment, const Decision& decision,
                      const capsule::Admitted& run, std::string_view policy) {
  json::object line = line_of("RunStarted", assignment);
  line["run"] = run.run_id;
  line["trigger"] = decision.trigger;
  line["image"] = run.image.reference;
  line["digest"] = run.image.digest;
  json::array words;
  for (const std::string& word : run.argv) {
    words.emplace_back(word);
  }
  line["argv"] = std::move(words);
  line["grant"] = grant_of(run);
  line["policy"] = policy;
  return write(json::serialize(line));
}

void Audit::refused(const Assignment& assignment, const Decision& decision, std::string_view reason,
                    std::string_view message) {
  json::object line = line_of("RunRefused", assignment);
  line["trigger"] = decision.trigger;
  line["reason"] = reason;
  line["message"] = message;
  (void)write(json::serialize(line));
}

void Audit::ended(const Assignment& assignment, const RunResult& result) {
  json::object line = line_of("RunEnded", assignment);
  line["run"] = result.id;
  line["exitCode"] = result.exit_code;
  line["reason"] = result.reason;
  line["residue"] = result.residue;
  (void)write(json::serialize(line));
}

// One write, so that no line is torn by a Caplet that is killed.
Status Audit::write(const std::string& line) {
  const auto open = [this] {
    return linux::open_at(linux::kCwd, path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
                          0600);
  };
  linux::UniqueFd file = RECAP_TRY(open());
  if (RECAP_TRY(linux::stat_at(file.get(), "", AT_EMPTY_PATH)).stx_size >= kMaxFile) {
    rotate();
    file = RECAP_TRY(open());
  }
  Status written = linux::write_text(file.get(), line + "\n");
  if (!written) {
    log_error("the audit log cannot be written", {{"why", written.error().message()}});
  }
  return written;
}

void Audit::rotate() const {
  const auto name = [this](int number) { return path_ + "." + std::to_string(number); };
  for (int number = kOldFiles - 1; number > 0; --number) {
    (void)linux::rename_at(linux::kCwd, name(number).c_str(), name(number + 1).c_str());
  }
  (void)linux::rename_at(linux::kCwd, path_.c_str(), name(1).c_str());
}

}  // namespace recap::caplet
