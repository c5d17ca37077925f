// SPDX-License-Identifier: Apache-2.0
// kubectl recap run: makes a CapsuleRun in the user's name and follows it.
#include <sys/random.h>

#include <array>
#include <string>

#include <boost/json/serialize.hpp>

#include "kube/access.h"
#include "kube/json.h"
#include "kube/status.h"
#include "kubectl/follow.h"
#include "kubectl/manual.h"
#include "kubectl/run_request.h"
#include "kubectl/verbs.h"

namespace recap::kubectl {
namespace {

namespace json = boost::json;
using base::Result;

// Chosen here, not by the server: where its answer is lost, the object can still be found.
std::string fresh_name(const RunCommand& command) {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";  // as generateName's
  std::array<unsigned char, 6> random{};
  (void)!::getrandom(random.data(), random.size(), 0);
  std::string name = name_stem(command) + '-';
  for (const unsigned char byte : random) {
    name += kLetters[byte % kLetters.size()];
  }
  return name;
}

Result<json::object> create(Cluster& cluster, const json::object& object, bool dry_run) {
  auto made = cluster.wait(cluster.client().create(cluster.runs(), object, dry_run));
  if (!made && kube::api_code(made.error()) == 0 && !dry_run) {
    // No answer: it may have been made all the same.
    const std::string name(kube::text_at(object, {"metadata", "name"}));
    (void)cluster.wait(cluster.client().remove(cluster.run(name)));
  }
  return made;
}

Result<int> run_or_say(const RunCommand& command) {
  Cluster cluster = RECAP_TRY(Cluster::of(command.cluster));
  const kube::UserInfo user = RECAP_TRY(cluster.wait(kube::who_am_i(cluster.client())));
  Interrupts interrupts(cluster.loop());
  const std::string& given = command.options.request.name;
  const std::string name = given.empty() ? fresh_name(command) : given;
  const json::object made =
      RECAP_TRY(create(cluster, object_of(command, user, name), command.options.dry_run));
  Output out;
  if (command.options.dry_run) {
    out << json::serialize(made) << "\n";
    return out.finish("run");
  }
  if (command.options.request.detached) {
    out << name << "\n";
    return out.finish("run");
  }
  const int code = RECAP_TRY(follow(cluster, {.name = name,
                                              .uid = kube::meta_of(made).uid,
                                              .verb = "run",
                                              .quiet = command.options.quiet,
                                              .ends = &interrupts}));
  if (command.remove) {
    const auto removed = cluster.wait(cluster.client().remove(cluster.run(name)));
    if (!removed && removed.error().kind() != base::Kind::kNotFound) {
      return fail("run", removed.error());
    }
  }
  return code;
}

}  // namespace

int run(std::span<char*> args) {
  const auto command = parse_run_command(args);
  if (!command) {
    return fail("run", command.error());
  }
  if (command->options.help) {
    Output out;
    out << console::help_of(program(), *console::find_manual(program(), "run"));
    return out.finish("run");
  }
  const auto code = run_or_say(*command);
  return code ? *code : fail("run", code.error());
}

}  // namespace recap::kubectl
