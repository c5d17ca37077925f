// SPDX-License-Identifier: Apache-2.0
// recap __complete: what the scripts of completion.cc call. It never fails loudly: a person is
// typing, and an error in the middle of the line helps nobody.
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "capsule/runs.h"
#include "cli/catalog.h"
#include "cli/manual.h"
#include "cli/verbs.h"
#include "console/completion.h"
#include "console/escape.h"
#include "console/output.h"
#include "image/prepared.h"
#include "targets/target.h"

namespace recap::cli {
namespace {

using Candidates = std::vector<Candidate>;

void add_runs(Candidates& out, const capsule::Dirs& dirs, bool ended, std::string_view suffix) {
  auto runs = capsule::list_live(dirs);
  if (ended) {
    auto records = capsule::list_ended(dirs);
    for (std::size_t i = 0; records && runs && i < records->size(); ++i) {
      runs->push_back(std::move((*records)[i]));
    }
  }
  for (std::size_t i = 0; runs && i < runs->size(); ++i) {
    const capsule::Run& run = (*runs)[i];
    const run::ImageId* image = run.image();
    out.push_back({std::string(run.name()).append(suffix),
                   image == nullptr ? "" : std::string(image->reference)});
  }
}

void add_targets(Candidates& out) {
  const auto found = targets::list(targets::roots_from_env());
  for (std::size_t i = 0; found && i < found->size(); ++i) {
    out.push_back({(*found)[i].name, (*found)[i].runtime + " " + (*found)[i].image});
  }
}

void add_images(Candidates& out, const capsule::Dirs& dirs) {
  const auto found = image::list(dirs.store());
  for (std::size_t i = 0; found && i < found->size(); ++i) {
    // As `recap images` shows it, and as people type it.
    std::string_view name = (*found)[i].reference;
    for (const std::string_view implied : {"docker.io/", "library/"}) {
      name.remove_prefix(name.starts_with(implied) ? implied.size() : 0);
    }
    out.push_back({std::string(name), "image"});
  }
}

void add_functions(Candidates& out, const capsule::Dirs& dirs) {
  const auto found = read_catalog(dirs.catalog_index());
  for (std::size_t i = 0; found && i < found->size(); ++i) {
    out.push_back({(*found)[i].name, (*found)[i].description});
  }
}

void look_up(Candidates& out, const Expected& expected) {
  if (::geteuid() != 0) {
    return;
  }
  const capsule::Dirs dirs = capsule::Dirs::from_environment();
  switch (expected.words) {
    case Words::kTarget:
      add_targets(out);
      break;
    case Words::kRun:
      add_runs(out, dirs, true, "");
      break;
    case Words::kLiveRun:
      add_runs(out, dirs, false, "");
      break;
    case Words::kRunPath:
      add_runs(out, dirs, false, ":");
      break;
    case Words::kImage:
      add_images(out, dirs);
      break;
    case Words::kFunction:  // `recap run TARGET` alone is a toolbox shell
      add_functions(out, dirs);
      add_images(out, dirs);
      add_targets(out);
      break;
    default:
      break;
  }
}

std::string_view directive_of(Words words) {
  switch (words) {
    case Words::kFile:
    case Words::kRunPath:
      return ":file\n";
    case Words::kDirectory:
      return ":directory\n";
    default:
      return "";
  }
}

}  // namespace

int complete(std::span<char*> args) {
  const std::vector<std::string_view> words(args.begin(), args.end());
  const std::string_view typed = words.empty() ? "" : words.back();
  const Expected expected = expected_at(program(), words);
  Candidates candidates = expected.fixed;
  look_up(candidates, expected);
  Output out;
  for (const Candidate& candidate : candidates) {
    if (candidate.word.starts_with(typed) && is_harmless(candidate.word)) {
      out << candidate.word << "\t" << printable(candidate.about, 60) << "\n";
    }
  }
  out << directive_of(expected.words);
  return out.flush() ? 0 : kExitOurs;
}

}  // namespace recap::cli
