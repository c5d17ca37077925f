// SPDX-License-Identifier: Apache-2.0
// Where the artifacts of a Caplet's runs go: to directories, or by way of a spool to buckets.
#include <algorithm>
#include <string>
#include <utility>

#include "caplet/caplet.h"
#include "capsule/artifacts.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

// "docker://web" as the name of a folder.
std::string folder_name(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '/' || c == ':' || c == '@'; }, '_');
  return text;
}

}  // namespace

Status Caplet::open_buckets() {
  for (const auto& [name, place] : options_.stores) {
    if (!place.starts_with('/')) {
      uploads_.try_emplace(name, loop_, options_.dirs, name, RECAP_TRY(parse_bucket(place)),
                           metrics_, [this](const std::string& id) { return runs_.contains(id); });
    }
  }
  return {};
}

void Caplet::send_artifacts() {
  for (auto& [name, uploads] : uploads_) {
    uploads.look();
  }
}

Result<std::string> Caplet::place_of_store(const std::string& name) const {
  const auto store = options_.stores.find(name);
  if (store == options_.stores.end()) {
    return Error(Kind::kInvalid, "this node has no store '" + name +
                                     "' for artifacts: add it with --store, or name another");
  }
  const auto uploads = uploads_.find(name);
  if (uploads == uploads_.end()) {
    return store->second;
  }
  RECAP_TRY(uploads->second.has_room());
  return uploads->second.spool();
}

// STORE/CAPSULE/TARGET/RUN, made for this run.
Result<linux::UniqueFd> Caplet::open_store(const Entry& entry, capsule::Admitted& run) {
  const std::string& name = entry.assignment.declared()->capsule.function.store;
  if (name.empty()) {
    return linux::UniqueFd();
  }
  std::string path = RECAP_TRY(place_of_store(name));
  for (const std::string& part :
       {folder_name(entry.key.first), folder_name(entry.key.second), run.run_id}) {
    path += "/" + part;
    Status made = linux::make_dir_at(linux::kCwd, path.c_str(), 0700);
    if (!made && made.error().kind() != Kind::kExists) {
      return std::move(made).context("the store of artifacts").error();
    }
  }
  capsule::OutPlace place = RECAP_TRY(capsule::open_out(path));
  run.out = place.mode;
  return std::move(place.descriptor);
}

}  // namespace recap::caplet
