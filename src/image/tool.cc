// SPDX-License-Identifier: Apache-2.0
#include "image/tool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "linux/error.h"

namespace recap::image {

std::optional<std::string> find_tool(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    std::string file(rest.substr(0, colon));
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
    file.append("/").append(name);
    if (file[0] == '/' && access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return std::nullopt;
}

base::Result<pid_t> start_tool(const std::string& path, const std::vector<std::string>& arguments,
                               const ChildOutput& output) {
  std::vector<const char*> argv{path.c_str()};
  for (const std::string& argument : arguments) {
    argv.push_back(argument.c_str());
  }
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return linux::failed("start", path, errno);
  }
  if (pid == 0) {
    become_tool(argv.data(), output, parent);
  }
  return pid;
}

int wait_for_tool(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace recap::image
