// SPDX-License-Identifier: Apache-2.0
#include "kube/kinds.h"

#include <linux/capability.h>

#include <gtest/gtest.h>

#include "kube/kinds_parse.h"
#include "kube/kinds_quantity.h"
#include "policy/capabilities.h"

namespace recap::kube {
namespace {

// DESIGN's example, with every block that a Periodic Capsule can have.
constexpr std::string_view kRotateLogs = R"(
apiVersion: recap.dev/v1alpha1
kind: Capsule
metadata: {name: rotate-logs, namespace: shop, labels: {team: web}}
spec:
  selector: {matchLabels: {app: web}}
  container: nginx
  function: logrotate
  args: ["-s", "/tmp/state"]
  env: [{name: LEVEL, value: "3"}]
  share: [pid]
  view: {paths: [{path: /var/log//nginx/, writable: true}]}
  grant: {capabilities: [KILL], runAs: Reserved}
  resources: {limits: {cpu: 200m, memory: 128Mi, pids: 32, scratch: 64Mi}}
  execution:
    type: Periodic
    periodic: {schedule: "0 * * * *", timeZone: Europe/Zurich, concurrencyPolicy: Forbid,
               startingDeadlineSeconds: 300, jitterSeconds: 60}
  activeDeadlineSeconds: 120
  terminationGracePeriodSeconds: 7
  suspend: true
  history: {successful: 2, failed: 0}
)";

Capsule capsule_of(std::string_view text) {
  auto manifests = parse_manifests(text);
  EXPECT_TRUE(manifests) << manifests.error().message();
  return manifests ? std::get<Capsule>(manifests->at(0)) : Capsule();
}

std::string problem_of(std::string_view text) {
  const auto manifests = parse_manifests(text);
  return manifests ? "" : std::string(manifests.error().message());
}

// kRotateLogs with `from` replaced.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kRotateLogs);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Kinds, ReadsEveryFieldOfAPeriodicCapsule) {
  const Capsule capsule = capsule_of(kRotateLogs);
  EXPECT_EQ(capsule.meta.name, "rotate-logs");
  EXPECT_EQ(capsule.meta.ns, "shop");
  EXPECT_EQ(capsule.meta.labels.at("team"), "web");
  EXPECT_FALSE(capsule.cluster);
  EXPECT_EQ(capsule.container, "nginx");
  const FunctionSpec& function = capsule.function;
  EXPECT_EQ(function.reference(), "logrotate");
  EXPECT_EQ(function.args, (std::vector<std::string>{"-s", "/tmp/state"}));
  EXPECT_EQ(function.env.at(0), std::pair(std::string("LEVEL"), std::string("3")));
  EXPECT_EQ(*function.grant.share, run::kSharePid);
  EXPECT_EQ(function.grant.paths->at(0).path, "/var/log/nginx");
  EXPECT_TRUE(function.grant.paths->at(0).writable);
  EXPECT_EQ(*function.grant.capabilities, policy::capability(CAP_KILL));
  EXPECT_EQ(*function.grant.run_as, run::RunAs::kReserved);
  EXPECT_FALSE(function.grant.view);
  EXPECT_EQ(function.cpu_millis, 200U);
  EXPECT_EQ(function.memory_bytes, std::uint64_t{128} << 20);
  EXPECT_EQ(function.pids, 32U);
  EXPECT_EQ(function.scratch_bytes, std::uint64_t{64} << 20);
  EXPECT_EQ(capsule.execution.type, ExecutionType::kPeriodic);
  const PeriodicSpec& periodic = capsule.execution.periodic;
  EXPECT_EQ(periodic.schedule, "0 * * * *");
  EXPECT_EQ(periodic.time_zone, "Europe/Zurich");
  EXPECT_EQ(periodic.concurrency, ConcurrencyPolicy::kForbid);
  EXPECT_EQ(periodic.starting_deadline_s, 300);
  EXPECT_EQ(periodic.jitter_s, 60);
  EXPECT_EQ(capsule.end.active_deadline_s, 120);
  EXPECT_EQ(capsule.end.grace_s, 7);
  EXPECT_TRUE(capsule.suspend);
  EXPECT_EQ(capsule.history.successful, 2U);
  EXPECT_EQ(capsule.history.failed, 0U);
}

TEST(Kinds, ReadsEventsWithTheirDefaults) {
  const Capsule capsule = capsule_of(R"(
apiVersion: recap.dev/v1alpha1
kind: ClusterCapsule
metadata: {name: snapshot}
spec:
  namespaceSelector: {}
  selector: {matchExpressions: [{key: app, operator: NotIn, values: [db]}, {key: app, operator: Exists}]}
  image: registry.example/snapshot@sha256:abc
  execution:
    type: Event
    event:
      triggers:
      - {type: MemoryPressure}
      - {type: MemoryPressure, memoryPressure: {stallPercent: 20}}
      - {type: CPUPressure}
      - {type: FileChanged, fileChanged: {path: /etc/app.conf}}
      - {type: PodNotReady, podNotReady: {forSeconds: 30}}
      - {type: Webhook, webhook: {name: alert, matchLabels: {severity: page}}}
)");
  EXPECT_TRUE(capsule.cluster);
  const EventSpec& event = capsule.execution.event;
  EXPECT_EQ(event.debounce_s, 1);
  EXPECT_EQ(event.cooldown_s, 60);
  EXPECT_EQ(event.max_runs_per_hour, 10);
  ASSERT_EQ(event.triggers.size(), 6U);
  EXPECT_EQ(event.triggers[0].usage_percent, 90U);
  EXPECT_EQ(event.triggers[1].usage_percent, 0U);
  EXPECT_EQ(event.triggers[1].stall_percent, 20U);
  EXPECT_EQ(event.triggers[2].stall_percent, 50U);
  EXPECT_EQ(event.triggers[3].path, "/etc/app.conf");
  EXPECT_EQ(event.triggers[4].for_s, 30);
  EXPECT_EQ(event.triggers[5].hook, "alert");
  EXPECT_EQ(event.triggers[5].hook_labels, (Labels{{"severity", "page"}}));
}

TEST(Kinds, ReadsAContinuousExporterAndRuns) {
  const auto manifests = parse_manifests(R"(
apiVersion: recap.dev/v1alpha1
kind: Capsule
metadata: {name: exporter}
spec:
  selector: {matchLabels: {app: web}}
  function: exporter
  execution: {type: Continuous, continuous: {restartPolicy: OnFailure, metrics: {port: 9100}}}
---
apiVersion: recap.dev/v1alpha1
kind: CapsuleRun
metadata: {name: once, namespace: shop}
spec: {podName: web-0, function: ps, requestedBy: alice, backoffLimit: 2, nodeName: n1, podUID: u1}
---
apiVersion: recap.dev/v1alpha1
kind: CapsuleRun
metadata: {name: all, namespace: shop}
spec: {capsuleRef: {name: exporter}, requestedBy: alice}
)");
  ASSERT_TRUE(manifests) << manifests.error().message();
  const auto& exporter = std::get<Capsule>(manifests->at(0));
  EXPECT_EQ(exporter.end.grace_s, 5);
  EXPECT_TRUE(exporter.execution.continuous.only_on_failure);
  EXPECT_EQ(exporter.execution.continuous.backoff_s, 10);
  EXPECT_EQ(exporter.execution.continuous.max_backoff_s, 300);
  EXPECT_EQ(exporter.execution.continuous.scrape.port, 9100);
  EXPECT_EQ(exporter.execution.continuous.scrape.path, "/metrics");
  const auto& once = std::get<CapsuleRun>(manifests->at(1));
  EXPECT_EQ(once.pod, "web-0");
  EXPECT_EQ(once.requested_by, "alice");
  EXPECT_EQ(once.backoff_limit, 2U);
  EXPECT_EQ(once.node, "n1");
  EXPECT_EQ(once.pod_uid, "u1");
  EXPECT_EQ(once.ttl_s, 3600);
  const auto& all = std::get<CapsuleRun>(manifests->at(2));
  ASSERT_TRUE(all.capsule);
  EXPECT_EQ(all.capsule->name, "exporter");
}

struct Mistake {
  const char *from, *to, *says;
};

TEST(Kinds, SaysWhichFieldIsWrongAndWhy) {
  const Mistake mistakes[] = {
      {"kind: Capsule", "kind: Pod", "document 1: kind: 'Pod' is none of Capsule"},
      {"recap.dev/v1alpha1", "recap.dev/v2", "apiVersion: must be recap.dev/v1alpha1"},
      {"name: rotate-logs, ", "", "metadata.name: is required"},
      {"name: rotate-logs", "name: Rotate", "metadata.name: must consist of lower case"},
      {"suspend: true", "supend: true", "spec.supend: there is no such field; known are selector"},
      {"suspend: true", "suspend: sometimes", "spec.suspend: must be true or false"},
      {"{matchLabels: {app: web}}", "{}", "spec.selector: is required, with labels"},
      {"{app: web}", "{app: 3}", "spec.selector.matchLabels.app: must be text"},
      {"function: logrotate", "", "spec.function: give either function"},
      {"function: logrotate", "function: a\n  image: b",
       "spec.image: give either function or image"},
      {"share: [pid]", "share: [pid, mnt]", "spec.share: 'mnt' is none of net, pid"},
      {"share: [pid]", "share: pid", "spec.share: must be a list"},
      {"/var/log//nginx/", "var/log", "spec.view.paths[0].path: 'var/log' is not an absolute path"},
      {"[KILL]", "[SYS_ADMIN]", "spec.grant.capabilities: "},
      {"runAs: Reserved", "runAs: root",
       "spec.grant.runAs: 'root' is none of Reserved, Target, Root"},
      {"memory: 128Mi", "memory: lots", "spec.resources.limits.memory: 'lots' is no amount"},
      {"type: Periodic", "type: Hourly", "spec.execution.type: 'Hourly' is none of OnDemand"},
      {"type: Periodic", "type: Event", "spec.execution.periodic: belongs to type Periodic"},
      {"startingDeadlineSeconds: 300", "startingDeadlineSeconds: -1",
       "spec.execution.periodic.startingDeadlineSeconds: must be a whole number from 0"},
      {"name: LEVEL", "name: RECAP_X", "spec.env[0].name: must not have"},
      {"history: {successful: 2, failed: 0}", "history: 3", "spec.history: must be an object"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string said = problem_of(with(mistake.from, mistake.to));
    EXPECT_NE(said.find(mistake.says), std::string::npos) << mistake.to << " → " << said;
  }
}

TEST(Kinds, UnknownFieldsOfTheApiServerAreThoseOfALaterVersion) {
  const auto documents = yaml_to_json(with("suspend: true", "later: 1"));
  ASSERT_TRUE(documents);
  EXPECT_TRUE(parse_capsule(documents->at(0), Origin::kApiServer));
  EXPECT_FALSE(parse_capsule(documents->at(0), Origin::kManifest));
}

TEST(Kinds, ReadsWhatOnlyTheApiServerSets) {
  const auto documents =
      yaml_to_json(with("namespace: shop",
                        "namespace: shop, uid: u, generation: 4, resourceVersion: \"9\", "
                        "creationTimestamp: \"2026-11-24T18:00:01Z\", managedFields: []"));
  ASSERT_TRUE(documents);
  const auto capsule = parse_capsule(documents->at(0), Origin::kApiServer);
  ASSERT_TRUE(capsule) << capsule.error().message();
  EXPECT_EQ(capsule->meta.uid, "u");
  EXPECT_EQ(capsule->meta.generation, 4);
  EXPECT_EQ(capsule->meta.resource_version, "9");
  EXPECT_EQ(capsule->meta.created_s, 1795543201);
  EXPECT_FALSE(capsule->meta.deleted);
}

TEST(Kinds, SelectorsMatchAsInKubernetes) {
  const auto matches = [](std::string_view selector, const Labels& labels) {
    const auto documents = yaml_to_json(selector);
    EXPECT_TRUE(documents);
    const auto parsed = parse_selector(documents->at(0), "spec.selector");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return parsed && parsed->matches(labels);
  };
  const Labels web{{"app", "web"}, {"tier", "front"}};
  EXPECT_TRUE(matches("{matchLabels: {app: web}}", web));
  EXPECT_FALSE(matches("{matchLabels: {app: web, tier: back}}", web));
  EXPECT_TRUE(matches("{matchExpressions: [{key: app, operator: In, values: [db, web]}]}", web));
  EXPECT_FALSE(matches("{matchExpressions: [{key: zone, operator: In, values: [a]}]}", web));
  EXPECT_TRUE(matches("{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}", web));
  EXPECT_FALSE(matches("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", web));
  EXPECT_TRUE(matches("{matchExpressions: [{key: tier, operator: Exists}]}", web));
  EXPECT_FALSE(matches("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", web));
  EXPECT_TRUE(matches("{}", web));
}

TEST(Kinds, ASelectorNeedsValuesWhereItsOperatorHasThem) {
  for (const char* wrong :
       {"{matchExpressions: [{key: a, operator: In}]}",
        "{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
        "{matchExpressions: [{key: a, operator: Equals, values: [b]}]}", "{matchLabel: {a: b}}"}) {
    const auto documents = yaml_to_json(wrong);
    ASSERT_TRUE(documents);
    EXPECT_FALSE(parse_selector(documents->at(0), "spec.selector")) << wrong;
  }
}

TEST(Kinds, QuantitiesAreThoseOfKubernetes) {
  const std::pair<const char*, std::uint64_t> amounts[] = {
      {"0", 0},      {"128", 128},          {"1k", 1000}, {"64Ki", 65536}, {"1.5Gi", 1610612736},
      {"2e3", 2000}, {"100M", 100'000'000}, {"500m", 1}};
  for (const auto& [text, value] : amounts) {
    const auto parsed = parse_quantity(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, value) << text;
  }
  EXPECT_EQ(*parse_quantity_milli("0.25"), 250U);
  EXPECT_EQ(*parse_quantity_milli("200m"), 200U);
  for (const char* wrong : {"", "-1", "Mi", "1 Mi", "1MiB", "1..2", "1e99", "0x10", "9999999Ti"}) {
    EXPECT_FALSE(parse_quantity(wrong)) << wrong;
  }
}

TEST(Yaml, ScalarsFollowTheCoreSchema) {
  const auto documents =
      yaml_to_json(R"({a: 1, b: "1", c: true, d: 'true', e: null, f: 1.5, g: on, h: 0 1})");
  ASSERT_TRUE(documents);
  const auto& object = documents->at(0).as_object();
  EXPECT_EQ(object.at("a"), 1);
  EXPECT_EQ(object.at("b"), "1");
  EXPECT_EQ(object.at("c"), true);
  EXPECT_EQ(object.at("d"), "true");
  EXPECT_TRUE(object.at("e").is_null());
  EXPECT_EQ(object.at("f"), 1.5);
  EXPECT_EQ(object.at("g"), "on");
  EXPECT_EQ(object.at("h"), "0 1");
}

TEST(Yaml, RefusesWhatIsNoneOrTooMuch) {
  EXPECT_FALSE(yaml_to_json("{a: [}"));
  EXPECT_FALSE(yaml_to_json("{a: 1, a: 2}"));
  std::string deep(40, '[');
  deep += std::string(40, ']');
  EXPECT_FALSE(yaml_to_json(deep));
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) {
      laughs += ", " + before;
    }
    laughs += "]\n";
  }
  EXPECT_FALSE(yaml_to_json(laughs));
}

}  // namespace
}  // namespace recap::kube
