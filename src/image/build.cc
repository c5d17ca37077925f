// SPDX-License-Identifier: Apache-2.0
#include "image/build.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "image/files.h"
#include "image/printable.h"
#include "image/reference.h"
#include "image/tool.h"
#include "linux/fs.h"

namespace recap::image {

using base::Error;
using base::Kind;
using base::Result;
using base::Status;
using linux::UniqueFd;

namespace {

constexpr std::size_t kMaxYaml = std::size_t{64} << 10;

struct Builder {
  std::string_view name, verb, transport;
};

constexpr std::array kBuilders = {
    Builder{"buildah", "build", "containers-storage:"},
    Builder{"podman", "build", "containers-storage:"},
    Builder{"docker", "build", "docker-daemon:"},
};

struct Recipe {
  std::string directory, file;
};

Result<Recipe> recipe_at(const std::string& path) {
  const auto st = linux::stat_at(linux::kCwd, path.c_str(), 0);
  if (!st) {
    return failure(st.error().kind(), "there is no '", printable(path), "'");
  }
  if (!S_ISDIR(st->stx_mode)) {
    const std::size_t slash = path.rfind('/');
    return Recipe{slash == std::string::npos ? "." : path.substr(0, slash + 1), path};
  }
  for (const char* name : {"Containerfile", "Dockerfile"}) {
    std::string file = path + "/" + name;
    if (linux::stat_at(linux::kCwd, file.c_str(), 0)) {
      return Recipe{path, std::move(file)};
    }
  }
  return failure(Kind::kNotFound, "there is neither a Containerfile nor a Dockerfile in '",
                 printable(path), "'");
}

Result<Labels> labels_beside(const Recipe& recipe, std::string_view function) {
  const std::string path = recipe.directory + "/function.yaml";
  const auto file = linux::open_at(linux::kCwd, path.c_str(), O_RDONLY);
  if (!file && file.error().kind() == Kind::kNotFound) {
    return Labels{};
  }
  if (!file) {
    return file.error();
  }
  const std::string yaml = RECAP_TRY(read_bounded(file->get(), kMaxYaml, "function.yaml"));
  Labels labels = RECAP_TRY(labels_of_function(yaml).context(printable(path)));
  labels.emplace_back("dev.recap.function", function);
  return labels;
}

struct Found {
  Builder builder;
  std::string path;
};

Result<Found> find_builder(std::string_view wanted) {
  for (const Builder& builder : kBuilders) {
    if (wanted.empty() || wanted == builder.name) {
      if (auto path = find_tool(builder.name)) {
        return Found{builder, *std::move(path)};
      }
    }
  }
  return failure(Kind::kNotFound, "building needs ",
                 wanted.empty() ? "buildah, podman or docker" : wanted,
                 ", which is not installed: install it, or another of buildah, podman and docker");
}

Status run_builder(const Found& found, const std::vector<std::string>& arguments, bool quiet) {
  const UniqueFd null = RECAP_TRY(linux::open_at(linux::kCwd, "/dev/null", O_RDWR));
  const pid_t pid = RECAP_TRY(start_tool(
      found.path, arguments, {null.get(), quiet ? null.get() : STDERR_FILENO, STDERR_FILENO}));
  const int status = wait_for_tool(pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {};
  }
  return failure(Kind::kInvalid, found.builder.name,
                 " could not build the image: see above what it said");
}

}  // namespace

Result<std::string> build(const BuildRequest& request) {
  const Reference name = RECAP_TRY(parse_reference(request.name));
  if (!name.digest.empty()) {
    return Error(Kind::kInvalid, "an image that is to be built has no digest yet: leave out @…");
  }
  const Recipe recipe = RECAP_TRY(recipe_at(request.path));
  const Labels labels =
      RECAP_TRY(labels_beside(recipe, name.path.substr(name.path.rfind('/') + 1)));
  const Found found = RECAP_TRY(find_builder(request.builder));
  std::vector<std::string> arguments{std::string(found.builder.verb), "-t", name.canonical(), "-f",
                                     recipe.file};
  for (const auto& [key, value] : labels) {
    arguments.emplace_back("--label");
    arguments.push_back(key + "=" + value);
  }
  arguments.insert(arguments.end(), request.flags.begin(), request.flags.end());
  arguments.push_back(recipe.directory);
  RECAP_TRY(run_builder(found, arguments, request.quiet));
  return std::string(found.builder.transport) + name.canonical();
}

}  // namespace recap::image
