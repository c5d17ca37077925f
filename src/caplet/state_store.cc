// SPDX-License-Identifier: Apache-2.0
// The files: DATA/caplet/assignments/HASH, written as HASH.new and renamed.
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>
#include <utility>

#include "base/hash.h"
#include "caplet/state.h"
#include "linux/fs.h"
#include "linux/proc.h"

namespace recap::caplet {
namespace {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;

constexpr std::size_t kMaxFile = std::size_t{256} << 10;

std::string file_of(const AssignmentState& state) {
  return base::file_name_of(state.capsule + "\n" + state.target);
}

Result<linux::DirFd> make_dir(int at, const char* path) {
  if (auto made = linux::make_dir_at(at, path, 0700);
      !made && made.error().kind() != Kind::kExists) {
    return std::move(made).error();
  }
  return linux::open_dir_at(at, path);
}

Result<std::string> read_file(int dir, const std::string& name) {
  const linux::UniqueFd file = RECAP_TRY(linux::open_at(dir, name.c_str(), O_RDONLY | O_NOFOLLOW));
  const auto info = RECAP_TRY(linux::stat_at(file.get(), "", AT_EMPTY_PATH));
  std::string text(std::min<std::size_t>(info.stx_size, kMaxFile), '\0');
  text.resize(RECAP_TRY(linux::read_all(file.get(), std::as_writable_bytes(std::span(text)))));
  return text;
}

Result<std::vector<std::string>> state_files(int dir) {
  std::vector<std::string> names;
  RECAP_TRY(linux::each_entry(dir, [&](const char* name, unsigned char) {
    if (std::string_view(name).find('.') == std::string_view::npos) {
      names.emplace_back(name);
    }
    return true;
  }));
  return names;
}

// A keeper that was just being started when its Caplet was killed has the lock too, until its exec.
Status take_lock(int lock, const std::string& data_dir) {
  constexpr int kTries = 60;
  constexpr std::chrono::milliseconds kPause{50};
  for (int i = 0; i < kTries; ++i) {
    if (linux::lock_exclusive(lock)) {
      return {};
    }
    std::this_thread::sleep_for(kPause);
  }
  return Error(Kind::kBusy,
               base::concat<400>("another Caplet works with ", data_dir, ": stop it first"));
}

}  // namespace

Result<StateStore> StateStore::open(const std::string& data_dir) {
  const linux::DirFd top = RECAP_TRY(make_dir(linux::kCwd, (data_dir + "/caplet").c_str()));
  linux::UniqueFd lock =
      RECAP_TRY(linux::open_at(top.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  RECAP_TRY(take_lock(lock.get(), data_dir));
  linux::DirFd dir = RECAP_TRY(make_dir(top.get(), "assignments"));
  const linux::BootId boot = RECAP_TRY(linux::boot_id());
  return StateStore(std::move(dir), std::move(lock), std::string(boot.view()));
}

Status StateStore::save(const AssignmentState& state) {
  const std::string name = file_of(state);
  const std::string fresh = name + ".new";
  const linux::UniqueFd file = RECAP_TRY(
      linux::open_at(dir_.get(), fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  RECAP_TRY(linux::write_text(file.get(), to_json(state, boot_id_)));
  return linux::rename_at(dir_.get(), fresh.c_str(), name.c_str());
}

Status StateStore::remove(const AssignmentState& state) {
  return linux::unlink_at(dir_.get(), file_of(state).c_str());
}

Result<std::vector<AssignmentState>> StateStore::load_all(std::size_t& damaged) {
  std::vector<AssignmentState> states;
  for (const std::string& name : RECAP_TRY(state_files(dir_.get()))) {
    const std::string text = RECAP_TRY(read_file(dir_.get(), name));
    if (auto state = state_from_json(text, boot_id_)) {
      states.push_back(*std::move(state));
    } else {
      ++damaged;
      (void)linux::rename_at(dir_.get(), name.c_str(), (name + ".damaged").c_str());
    }
  }
  return states;
}

Result<std::vector<AssignmentState>> StateStore::read_all(const std::string& data_dir) {
  std::vector<AssignmentState> states;
  const auto dir = linux::open_dir_at(linux::kCwd, (data_dir + "/caplet/assignments").c_str());
  if (!dir) {
    return states;
  }
  for (const std::string& name : RECAP_TRY(state_files(dir->get()))) {
    const auto text = read_file(dir->get(), name);
    if (auto state = text ? state_from_json(*text, "") : Result<AssignmentState>(text.error())) {
      states.push_back(*std::move(state));
    }
  }
  return states;
}

}  // namespace recap::caplet
