// SPDX-License-Identifier: Apache-2.0
#include "caplet/manifest_dir.h"

#include <fcntl.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "caplet/log.h"
#include "caplet/plan.h"
#include "linux/fs.h"

namespace recap::caplet {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
// Editors write a file in several steps.
constexpr std::chrono::milliseconds kSettle{200};
// For what inotify does not see: a directory that is itself replaced, a network file system.
constexpr std::chrono::seconds kReadAgain{60};

bool is_manifest(std::string_view name) {
  return !name.starts_with('.') &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

base::Result<std::vector<kube::Manifest>> read_manifests(std::string_view text) {
  auto manifests = RECAP_TRY(kube::parse_manifests(text));
  for (const kube::Manifest& manifest : manifests) {
    RECAP_TRY(check(manifest));
  }
  return manifests;
}

const kube::Capsule* find_capsule(const std::vector<kube::Manifest>& manifests,
                                  const kube::CapsuleReference& reference, std::string_view ns) {
  for (const kube::Manifest& manifest : manifests) {
    const auto* capsule = std::get_if<kube::Capsule>(&manifest);
    if (capsule != nullptr && capsule->meta.name == reference.name &&
        capsule->cluster == reference.cluster && (capsule->cluster || capsule->meta.ns == ns)) {
      return capsule;
    }
  }
  return nullptr;
}

}  // namespace

std::vector<DeclaredPtr> declare_all(const std::vector<kube::Manifest>& manifests,
                                     std::vector<std::string>& problems) {
  std::vector<DeclaredPtr> declared;
  std::set<std::string> keys;
  for (const kube::Manifest& manifest : manifests) {
    DeclaredPtr made;
    if (const auto* capsule = std::get_if<kube::Capsule>(&manifest)) {
      made = declare(*capsule);
    } else {
      const auto& run = std::get<kube::CapsuleRun>(manifest);
      const kube::Capsule* named =
          run.capsule ? find_capsule(manifests, *run.capsule, run.meta.ns) : nullptr;
      if (run.capsule && named == nullptr) {
        problems.push_back("CapsuleRun " + run.meta.name + ": spec.capsuleRef: there is no '" +
                           run.capsule->name + "' in its namespace");
        continue;
      }
      made = declare(run, named);
    }
    if (keys.insert(made->key).second) {
      declared.push_back(std::move(made));
    } else {
      problems.push_back(made->key + " is declared twice: the first one counts");
    }
  }
  return declared;
}

ManifestDir::ManifestDir(boost::asio::io_context& loop, std::string path)
    : path_(std::move(path)), inotify_(loop), timer_(loop) {}

void ManifestDir::start(OnChange on_change) {
  on_change_ = std::move(on_change);
  boost::system::error_code failed;
  inotify_.assign(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), failed);
  if (!failed) {
    wait_for_change();
  }
  read();
}

void ManifestDir::wait_for_change() {
  auto events = std::make_shared<std::array<char, 4096>>();
  inotify_.async_read_some(boost::asio::buffer(*events),
                           [this, events](const boost::system::error_code& error, std::size_t) {
                             if (!error) {
                               read_soon();
                               wait_for_change();
                             }
                           });
}

void ManifestDir::read_soon() {
  if (timer_.expiry() > std::chrono::steady_clock::now() + kSettle) {
    timer_.expires_after(kSettle);
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) {
        read();
      }
    });
  }
}

base::Status ManifestDir::read_files(std::map<std::string, std::string>& texts) const {
  const linux::DirFd dir = RECAP_TRY(linux::open_dir_at(linux::kCwd, path_.c_str()));
  std::vector<std::string> names;
  RECAP_TRY(linux::each_entry(dir.get(), [&](const char* name, unsigned char) {
    if (is_manifest(name)) {
      names.emplace_back(name);
    }
    return true;
  }));
  for (const std::string& name : names) {
    const linux::UniqueFd file =
        RECAP_TRY(linux::open_at(dir.get(), name.c_str(), O_RDONLY | O_NONBLOCK));
    const auto info = RECAP_TRY(linux::stat_at(file.get(), "", AT_EMPTY_PATH));
    // One more, so that what is too large is seen to be.
    std::string text(std::min<std::size_t>(info.stx_size, kMaxFile) + 1, '\0');
    text.resize(RECAP_TRY(linux::read_all(file.get(), std::as_writable_bytes(std::span(text)))));
    texts[name] = std::move(text);
  }
  return {};
}

void ManifestDir::read() {
  (void)::inotify_add_watch(inotify_.native_handle(), path_.c_str(),
                            IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                                IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
  timer_.expires_after(kReadAgain);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) {
      read();
    }
  });
  std::map<std::string, std::string> texts;
  if (const base::Status ok = read_files(texts); !ok) {
    log_error("the manifests cannot be read; what was declared before still holds",
              {{"directory", path_}, {"why", ok.error().message()}});
    return;
  }
  const auto same = [](const auto& text, const auto& file) {
    return text.first == file.first && text.second == file.second.text;
  };
  if (!was_read_ || !std::ranges::equal(texts, files_, same)) {
    was_read_ = true;
    take_all(std::move(texts));
  }
}

void ManifestDir::take_all(std::map<std::string, std::string> texts) {
  std::erase_if(files_, [&](const auto& file) { return !texts.contains(file.first); });
  for (auto& [name, text] : texts) {
    take(name, std::move(text));
  }
  std::vector<kube::Manifest> all;
  for (const auto& [name, file] : files_) {
    all.insert(all.end(), file.manifests.begin(), file.manifests.end());
  }
  std::vector<std::string> problems;
  auto declared = declare_all(all, problems);
  for (const std::string& problem : problems) {
    log_error("a manifest is left out", {{"why", problem}});
  }
  on_change_(std::move(declared));
}

void ManifestDir::take(const std::string& name, std::string text) {
  File& file = files_[name];
  if (file.text == text) {
    return;
  }
  auto manifests = read_manifests(text);
  file.text = std::move(text);
  if (manifests) {
    file.manifests = *std::move(manifests);
  } else {
    log_error("a manifest is wrong; what it said before still holds",
              {{"file", name}, {"why", manifests.error().message()}});
  }
}

}  // namespace recap::caplet
