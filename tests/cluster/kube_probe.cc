// SPDX-License-Identifier: Apache-2.0
// The Kubernetes client as a program, for kube_client_test.py: one verb a run, what happens as one
// line of JSON each on stdout. It ends when the verb is done, or with its stdin.
//
//   kube_probe [--kubeconfig F | --service-account DIR] [--pages] [--absent-retry MS] VERB ARG…
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>

#include "kube/access.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/events.h"
#include "kube/lease.h"
#include "kube/status.h"
#include "kube/watch.h"

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
namespace kube = recap::kube;
using recap::base::Error;
using recap::base::Status;
using Words = std::vector<std::string>;

constexpr kube::Resource kConfigMaps{"", "v1", "configmaps"};
constexpr kube::Resource kCapsules{"recap.dev", "v1alpha1", "capsules"};

struct Flags {
  kube::ConfigSources sources;
  kube::WatchOptions watch;
  Words rest;
};

void say(const json::object& line) { std::cout << json::serialize(line) << std::endl; }

json::object of(const Error& error) {
  return {{"error", std::string(error.message())},
          {"code", kube::api_code(error)},
          {"kind", static_cast<int>(error.kind())}};
}

Flags parse(int argc, char** argv) {
  Flags flags;
  int at = 1;
  for (; at < argc && std::string(argv[at]).starts_with("--"); ++at) {
    const std::string flag = argv[at];
    if (flag == "--pages") {
      flags.watch.stream_lists = false;
      flags.watch.page = 2;
    } else if (flag == "--kubeconfig") {
      flags.sources.kubeconfig = argv[++at];
    } else if (flag == "--service-account") {
      setenv("KUBECONFIG", "/nonexistent", 1);
      flags.sources.service_account = argv[++at];
    } else if (flag == "--absent-retry") {
      flags.watch.absent_retry = std::chrono::milliseconds(std::atoi(argv[++at]));
    }
  }
  flags.rest.assign(argv + at, argv + argc);
  flags.rest.resize(8);
  return flags;
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Waits for the end of stdin.
asio::awaitable<void> wait_for_end() {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, dup(0));
  char byte = 0;
  const asio::mutable_buffer space(&byte, 1);
  for (;;) {
    const auto [error, size] =
        co_await input.async_read_some(space, asio::as_tuple(asio::use_awaitable));
    if (error) {
      co_return;
    }
  }
}

// VmHWM; getrusage would count what we were before exec.
int most_rss_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::atoi(line.c_str() + 6);
    }
  }
  return 0;
}

// watch configmaps|capsules NAMESPACE [FIELD-SELECTOR]
asio::awaitable<void> watch(kube::Client client, Flags flags) {
  kube::WatchOptions options = flags.watch;
  options.collection.resource = flags.rest[1] == "capsules" ? kCapsules : kConfigMaps;
  options.collection.ns = flags.rest[2];
  options.field_selector = flags.rest[3];
  static constexpr const char* kTypes[] = {"added", "modified", "deleted", "synced"};
  kube::Watch<std::string> all(
      client, options,
      [](const json::object& object) {
        return std::optional(std::string(kube::text_at(object, {"data", "value"})));
      },
      [](const kube::Change<std::string>& change) {
        json::object line{{"type", kTypes[static_cast<int>(change.type)]},
                          {"key", std::string(change.key)}};
        line["value"] = change.now == nullptr ? json::value() : json::value(*change.now);
        say(line);
      },
      [](const Error& error) { say(of(error)); });
  all.start();
  auto end = wait_for_end();
  co_await std::move(end);
  const kube::Reflector::Counters& counters = all.counters();
  say({{"lists", counters.lists},
       {"watches", counters.watches},
       {"events", counters.events},
       {"size", all.size()},
       {"most_rss_kib", most_rss_kib()}});
}

template <typename T>
void say_result(const recap::base::Result<T>& result, const std::function<json::object()>& good) {
  say(result ? good() : of(result.error()));
}

// apply NAMESPACE NAME VALUE MANAGER force|gentle
asio::awaitable<void> apply(kube::Client client, Flags flags) {
  const kube::Endpoint where{kConfigMaps, flags.rest[1], flags.rest[2]};
  json::object metadata{{"name", flags.rest[2]}, {"namespace", flags.rest[1]}};
  json::object data{{"value", flags.rest[3]}};
  json::object body{{"apiVersion", "v1"}, {"kind", "ConfigMap"}};
  body["metadata"] = std::move(metadata);
  body["data"] = std::move(data);
  const kube::ApplyOptions options{flags.rest[4], flags.rest[5] == "force"};
  auto task = client.apply(where, std::move(body), options);
  const auto applied = co_await std::move(task);
  say_result(applied, [&applied] { return *applied; });
}

// get NAMESPACE NAME [MILLISECONDS]: with a time, again and again.
asio::awaitable<void> get(kube::Client client, Flags flags) {
  const kube::Endpoint where{kConfigMaps, flags.rest[1], flags.rest[2]};
  const std::chrono::milliseconds every(std::atoi(flags.rest[3].c_str()));
  do {
    auto task = client.get(where);
    const auto got = co_await std::move(task);
    say_result(got, [&got] {
      return json::object{{"value", std::string(kube::text_at(*got, {"data", "value"}))}};
    });
    auto wait = pause(every);
    co_await std::move(wait);
  } while (every.count() > 0);
}

// delete NAMESPACE NAME UID
asio::awaitable<void> remove(kube::Client client, Flags flags) {
  const kube::Endpoint where{kConfigMaps, flags.rest[1], flags.rest[2]};
  kube::DeleteOptions options;
  options.uid = flags.rest[3];
  auto task = client.remove(where, options);
  const auto removed = co_await std::move(task);
  say_result(removed, [] { return json::object{{"deleted", true}}; });
}

// events NAMESPACE NAME UID TIMES
asio::awaitable<void> events(kube::Client client, Flags flags) {
  kube::EventRecorder recorder(client, {"recap.dev/probe", "probe-1"});
  kube::Event event;
  event.regarding = {"v1", "ConfigMap", flags.rest[1], flags.rest[2], flags.rest[3]};
  event.warning = true;
  event.reason = "RunFailed";
  event.action = "Run";
  event.note = "exit code 3";
  for (int i = 0; i < std::atoi(flags.rest[4].c_str()); ++i) {
    recorder.record(event);
  }
  auto end = wait_for_end();
  co_await std::move(end);
  const auto& counters = recorder.counters();
  say({{"sent", counters.sent}, {"folded", counters.folded}, {"dropped", counters.dropped}});
}

// lead NAMESPACE NAME IDENTITY: resigns at the end of stdin.
asio::awaitable<void> lead(kube::Client client, Flags flags) {
  using namespace std::chrono_literals;
  const kube::LeaseOptions options{flags.rest[1], flags.rest[2], flags.rest[3], 3s, 2s, 500ms};
  kube::LeaderElector elector(client, options, [](bool leading) { say({{"leading", leading}}); });
  elector.start();
  auto end = wait_for_end();
  co_await std::move(end);
  auto resigning = elector.resign();
  const auto resigned = co_await std::move(resigning);
  say_result(resigned, [] { return json::object{{"resigned", true}}; });
}

// access USER VERB GROUP RESOURCE NAMESPACE
asio::awaitable<void> access(kube::Client client, Flags flags) {
  kube::AccessQuestion question;
  question.user.name = flags.rest[1];
  question.verb = flags.rest[2];
  question.group = flags.rest[3];
  question.resource = flags.rest[4];
  question.ns = flags.rest[5];
  auto task = kube::review_access(client, question);
  const auto answer = co_await std::move(task);
  say_result(answer, [&answer] {
    return json::object{{"allowed", answer->allowed}, {"reason", answer->reason}};
  });
}

asio::awaitable<void> whoami(kube::Client client, Flags) {
  auto task = kube::who_am_i(client);
  const auto user = co_await std::move(task);
  say_result(user, [&user] {
    json::object extra;
    for (const auto& [key, values] : user->extra) {
      extra[key] = values.empty() ? "" : values.front();
    }
    return json::object{{"name", user->name}, {"groups", user->groups.size()}, {"extra", extra}};
  });
}

using Verb = asio::awaitable<void> (*)(kube::Client, Flags);
const std::map<std::string, Verb> kVerbs{{"watch", watch},   {"apply", apply},   {"get", get},
                                         {"delete", remove}, {"events", events}, {"lead", lead},
                                         {"access", access}, {"whoami", whoami}};

}  // namespace

int main(int argc, char** argv) {
  const Flags flags = parse(argc, argv);
  const auto verb = kVerbs.find(flags.rest[0]);
  const auto config = kube::load_config(flags.sources);
  if (verb == kVerbs.end() || !config) {
    say(config ? json::object{{"error", "no such verb"}} : of(config.error()));
    return 2;
  }
  asio::io_context io(1);
  bool done = false;
  asio::co_spawn(io, verb->second(kube::Client(io.get_executor(), *config), flags),
                 [&done](const std::exception_ptr&) { done = true; });
  while (!done && io.run_one() != 0) {
  }
  return 0;
}
