// SPDX-License-Identifier: Apache-2.0
// For tests: a host of one's own in a temporary directory. Runtimes' state, cgroup and /proc are
// files that the test writes; processes are real children, for pidfds cannot be made up.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "targets/process.h"
#include "targets/target.h"

namespace recap::targets {

// A child that sleeps until the end of the test.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) {
        ::pause();
      }
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  void kill_without_reaping() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }
  [[nodiscard]] std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
  [[nodiscard]] std::uint64_t start_time() const {
    const auto process = ProcessDir::open(Roots{}, pid());
    return process->stat()->start_time;
  }

 private:
  pid_t pid_;
};

class FakeHost {
 public:
  FakeHost() {
    char path[] = "/tmp/recap-targets-XXXXXX";
    dir_ = ::mkdtemp(path);
    roots.docker_sockets = {dir_ + "/docker.sock"};
    roots.podman_sockets = {dir_ + "/podman.sock"};
    roots.oci_roots = {dir_ + "/runc", dir_ + "/crun"};
    roots.containerd_roots = {dir_ + "/tasks"};
    roots.docker_data = {dir_ + "/docker"};
    roots.podman_storages = {dir_ + "/storage"};
    roots.cgroup = dir_ + "/cgroup";
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost() { std::filesystem::remove_all(dir_); }

  void write(const std::string& path, std::string_view text, unsigned mode = 0600) const {
    const std::filesystem::path whole = dir_ + "/" + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
    ::chmod(whole.c_str(), mode);
  }
  // What runc leaves of a running container; `labels` are JSON strings, each followed by a comma.
  void add_runc(const std::string& id, const Child& child, const std::string& labels = "",
                const std::string& bundle = "/bundle") const {
    write("runc/" + id + "/state.json",
          R"({"id":")" + id + R"(","init_process_pid":)" + std::to_string(child.pid()) +
              R"(,"init_process_start":)" + std::to_string(child.start_time()) +
              R"(,"config":{"labels":[)" + labels + R"("bundle=)" + bundle + R"("]},)" +
              R"("cgroup_paths":{"pids":"/sys/fs/cgroup/pids/docker/)" + id + R"("}})");
  }
  // A /proc in which `child` is in `cgroups`; its other files are copies of the real ones.
  void fake_proc(const Child& child, std::string_view cgroups, std::string_view host = "0::/\n") {
    roots.proc = dir_ + "/proc";
    const std::string pid = std::to_string(child.pid());
    for (const std::string file : {"stat", "status"}) {
      std::ifstream real("/proc/" + pid + "/" + file);
      std::ostringstream text;
      text << real.rdbuf();
      write("proc/" + pid + "/" + file, text.str());
    }
    write("proc/" + pid + "/cgroup", cgroups);
    write("proc/1/cgroup", host);
  }
  [[nodiscard]] const std::string& dir() const { return dir_; }

  Roots roots;

 private:
  std::string dir_;
};

inline std::string hex_id(char digit) { return std::string(64, digit); }

}  // namespace recap::targets
