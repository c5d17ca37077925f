// SPDX-License-Identifier: Apache-2.0
// What kubectl_complete-recap answers. It never fails loudly: a person is typing, and an error in
// the middle of the line helps nobody.
#include <string>
#include <string_view>
#include <vector>

#include "console/completion.h"
#include "console/escape.h"
#include "console/flag_parser.h"
#include "kube/json.h"
#include "kubectl/catalog_list.h"
#include "kubectl/manual.h"
#include "kubectl/runs.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

using console::Words;
using Candidates = std::vector<console::Candidate>;

// cobra's, which kubectl speaks with its plugins.
constexpr std::string_view kNoFiles = ":4\n";
constexpr std::string_view kFiles = ":0\n";

// The flags typed so far that say which cluster is meant.
ClusterFlags cluster_in(std::span<const std::string_view> words) {
  ClusterFlags flags;
  for (std::size_t i = 0; i + 1 < words.size() && words[i] != "--"; ++i) {
    const std::size_t equals = words[i].find('=');
    for (const auto& [name, value] :
         {std::pair{"--namespace", &flags.ns}, std::pair{"--context", &flags.context},
          std::pair{"--kubeconfig", &flags.kubeconfig}}) {
      if (words[i].substr(0, equals) == name ||
          (words[i] == "-n" && std::string_view(name) == "--namespace")) {
        *value = equals == std::string_view::npos ? words[i + 1] : words[i].substr(equals + 1);
      }
    }
  }
  return flags;
}

void add_pods(Candidates& out, Cluster& cluster) {
  (void)cluster.wait(cluster.client().list(
      {kube::kPods, cluster.ns()}, {}, [&](const boost::json::object& object) {
        out.push_back(
            {kube::meta_of(object).name, std::string(kube::text_at(object, {"status", "phase"}))});
      }));
}

void add_runs(Candidates& out, Cluster& cluster, Which which) {
  const auto runs = list_runs(cluster, which);
  for (std::size_t i = 0; runs && i < runs->size(); ++i) {
    const RunState& run = (*runs)[i].state;
    out.push_back({run.name, run.function + " " + status_text(run)});
  }
}

void look_up(Candidates& out, Words wanted, std::span<const std::string_view> words) {
  if (wanted == Words::kFunction) {
    for (const Function& function : kCatalog) {
      out.push_back({std::string(function.name), std::string(function.description)});
    }
    return;
  }
  if (wanted != Words::kTarget && wanted != Words::kRun && wanted != Words::kLiveRun) {
    return;
  }
  auto cluster = Cluster::of(cluster_in(words));
  if (!cluster) {
    return;
  }
  if (wanted == Words::kTarget) {
    add_pods(out, *cluster);
  } else {
    add_runs(out, *cluster, wanted == Words::kRun ? Which::kAll : Which::kLive);
  }
}

}  // namespace

int complete(std::span<char*> args) {
  const std::vector<std::string_view> words(args.begin(), args.end());
  const std::string_view typed = words.empty() ? "" : words.back();
  const console::Expected expected = console::expected_at(program(), words);
  Candidates candidates = expected.fixed;
  look_up(candidates, expected.words, words);
  Output out;
  for (const console::Candidate& candidate : candidates) {
    if (candidate.word.starts_with(typed) && console::is_harmless(candidate.word)) {
      out << candidate.word << "\t" << console::printable(candidate.about, 60) << "\n";
    }
  }
  out << (expected.words == Words::kFile ? kFiles : kNoFiles);
  return out.flush() ? 0 : kExitOurs;
}

}  // namespace recap::kubectl
