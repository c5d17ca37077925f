// SPDX-License-Identifier: Apache-2.0
#include "caplet/object_cache.h"

#include <fcntl.h>

#include <span>
#include <utility>

#include <boost/json/serialize.hpp>

#include "base/hash.h"
#include "caplet/log.h"
#include "kube/json.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

namespace json = boost::json;
using base::Result;
using base::Status;

constexpr std::size_t kMaxFile = std::size_t{4} << 20;  // etcd stores 1.5 MiB
constexpr const char* kComplete = "/.complete";

Result<json::object> read_object(const std::string& path) {
  const linux::UniqueFd file =
      RECAP_TRY(linux::open_at(linux::kCwd, path.c_str(), O_RDONLY | O_NOFOLLOW));
  const auto info = RECAP_TRY(linux::stat_at(file.get(), "", AT_EMPTY_PATH));
  std::string text(std::min<std::size_t>(info.stx_size, kMaxFile), '\0');
  text.resize(RECAP_TRY(linux::read_all(file.get(), std::as_writable_bytes(std::span(text)))));
  return kube::parse_object(text, path);
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  if (const auto dir = linux::open_dir_at(linux::kCwd, path.c_str())) {
    (void)linux::each_entry(dir->get(), [&](const char* name, unsigned char) {
      if (std::string_view(name).find('.') == std::string_view::npos) {
        names.emplace_back(name);
      }
      return true;
    });
  }
  return names;
}

// Who owns which field is of no use here, and half of what an object takes.
std::string text_of(const json::object& object) {
  const json::object* meta = kube::object_at(object, {"metadata"});
  if (meta == nullptr || !meta->contains("managedFields")) {
    return json::serialize(object);
  }
  json::object slim = object;
  slim["metadata"].as_object().erase("managedFields");
  return json::serialize(slim);
}

}  // namespace

ObjectCache::ObjectCache(const capsule::Dirs& dirs, std::string_view collection)
    : path_(dirs.data + "/caplet") {
  for (const std::string_view part : {std::string_view("cache"), collection}) {
    path_.append("/").append(part);
    (void)linux::make_dir_at(linux::kCwd, path_.c_str(), 0700);
  }
}

void ObjectCache::put(const json::object& object) {
  const Status written =
      write(base::file_name_of(kube::key_of(kube::meta_of(object))), text_of(object));
  if (written) {
    return;
  }
  (void)linux::unlink_at(linux::kCwd, (path_ + kComplete).c_str());
  if (!std::exchange(fails_, true)) {
    log_warning(
        "what is declared cannot be kept on disk; a Caplet that starts without the API "
        "server will wait for it",
        {{"why", written.error().message()}});
  }
}

Status ObjectCache::write(const std::string& name, const std::string& text) {
  const linux::DirFd dir = RECAP_TRY(linux::open_dir_at(linux::kCwd, path_.c_str()));
  const std::string fresh = name + ".new";
  const linux::UniqueFd file = RECAP_TRY(
      linux::open_at(dir.get(), fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  RECAP_TRY(linux::write_text(file.get(), text));
  return linux::rename_at(dir.get(), fresh.c_str(), name.c_str());
}

void ObjectCache::erase(std::string_view key) {
  (void)linux::unlink_at(linux::kCwd, (path_ + "/" + base::file_name_of(key)).c_str());
}

void ObjectCache::complete(const std::function<bool(std::string_view key)>& known) {
  for (const std::string& name : names_in(path_)) {
    const std::string path = path_ + "/" + name;
    const auto object = read_object(path);
    if (!object || !known(kube::key_of(kube::meta_of(*object)))) {
      (void)linux::unlink_at(linux::kCwd, path.c_str());
    }
  }
  if (!fails_) {
    (void)linux::open_at(linux::kCwd, (path_ + kComplete).c_str(), O_WRONLY | O_CREAT, 0600);
  }
}

std::optional<std::vector<json::object>> ObjectCache::load() const {
  if (!linux::stat_at(linux::kCwd, (path_ + kComplete).c_str(), AT_SYMLINK_NOFOLLOW)) {
    return std::nullopt;
  }
  std::vector<json::object> objects;
  for (const std::string& name : names_in(path_)) {
    auto object = read_object(path_ + "/" + name);
    if (!object) {
      return std::nullopt;
    }
    objects.push_back(*std::move(object));
  }
  return objects;
}

std::optional<json::object> ObjectCache::find(std::string_view key) const {
  auto object = read_object(path_ + "/" + base::file_name_of(key));
  return object ? std::optional(*std::move(object)) : std::nullopt;
}

}  // namespace recap::caplet
