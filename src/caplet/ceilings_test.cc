// SPDX-License-Identifier: Apache-2.0
#include "caplet/ceilings.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include <gtest/gtest.h>

#include "kube/kinds_parse.h"

namespace recap::caplet {
namespace {

kube::CapsulePolicy policy(std::string_view spec) {
  const auto documents = kube::yaml_to_json(
      "apiVersion: recap.dev/v1alpha1\nkind: CapsulePolicy\nmetadata: {name: p}\nspec: " +
      std::string(spec));
  EXPECT_TRUE(documents);
  auto parsed = kube::parse_capsule_policy(documents->at(0), kube::Origin::kManifest);
  EXPECT_TRUE(parsed) << parsed.error().message();
  return parsed ? *parsed : kube::CapsulePolicy();
}

// What a function of the catalogue asks for that the policy below just covers.
struct Asking {
  Declared declared;
  NodeTarget target;
  TargetFacts facts;
  Load load;
  capsule::Admitted run;

  Asking() {
    declared.kind = "Capsule";
    declared.capsule.execution.type = kube::ExecutionType::kPeriodic;
    target.namespace_labels = {{"team", "web"}};
    run.function = "tcpdump";
    run.image.reference = "localhost/tcpdump:1";
    run.image.digest = "sha256:aa";
    run.grant.share = run::kShareNet;
    run.grant.capabilities = policy::capability(CAP_NET_RAW);
    run.limits.memory_bytes = 64 << 20;
    run.limits.pids = 8;
  }
};

const char* const kPolicy =
    "{namespaceSelector: {matchLabels: {team: web}}, functions: [tcpdump], images: "
    "[\"registry/x/*\", "
    "\"y@sha256:bb\"], allow: {capabilities: [NET_RAW], share: [net, pid], writePaths: [/var/log], "
    "stores: [local]}, max: {cpu: 500m, memory: 64Mi, pids: 8, activeDeadlineSeconds: 60}}";

std::string refusal(const std::function<void(Asking&)>& change,
                    std::string_view ceiling = kPolicy) {
  Asking asking;
  change(asking);
  const auto status = admit_under(
      {policy(ceiling)}, {asking.declared, asking.target, asking.facts, asking.load}, asking.run);
  return status ? "" : std::string(status.error().message());
}

// A child with this bounding set, as a container's first process has it.
bool is_privileged_with(std::uint64_t bounding, bool has_helper = false) {
  int line[2];
  EXPECT_EQ(::pipe(line), 0);
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    if (has_helper && ::fork() == 0) {
      ::close(line[1]);
      ::pause();
    }
    for (int each = 0; ::prctl(PR_CAPBSET_READ, each) >= 0; ++each) {
      if ((bounding >> each & 1) == 0) {
        ::prctl(PR_CAPBSET_DROP, each);
      }
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const auto low = static_cast<std::uint32_t>(bounding);
    __user_cap_data_struct held[2] = {{low, low, 0}, {0, 0, 0}};
    ::syscall(SYS_capset, &header, held);
    ::close(line[1]);
    ::pause();
  }
  ::close(line[1]);
  char unused;
  EXPECT_EQ(::read(line[0], &unused, 1), 0);
  ::close(line[0]);
  targets::Target target;
  target.pid = static_cast<std::uint32_t>(child);
  const auto facts = facts_of(target);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(facts) << facts.error().message();
  return facts && facts->is_privileged;
}

TEST(TargetFacts, WhoCanTraceAStubIsPrivileged) {
  EXPECT_FALSE(is_privileged_with(policy::capability(CAP_CHOWN) | policy::capability(CAP_SETUID)));
  EXPECT_TRUE(is_privileged_with(policy::capability(CAP_SYS_PTRACE)));
  EXPECT_TRUE(is_privileged_with(policy::capability(CAP_SYS_ADMIN)));
  EXPECT_TRUE(is_privileged_with(policy::capability(CAP_CHOWN), true));  // whatever the first drops
}

TEST(Ceilings, CoverWhatIsWithinThem) {
  EXPECT_EQ(refusal([](Asking&) {}), "");
  EXPECT_EQ(refusal([](Asking& a) { a.run.grant.paths = {{"/etc", false}, {"/var/log/x", true}}; }),
            "");
  EXPECT_EQ(refusal([](Asking& a) {
              a.run.function = "";
              a.run.image.reference = "registry/x/tool:2";
            }),
            "");
  EXPECT_EQ(refusal([](Asking& a) {
              a.run.function = "";
              a.run.image.digest = "sha256:bb";
            }),
            "");
}

TEST(Ceilings, RefuseWhatIsAboveThemAndSayWhat) {
  const std::pair<std::function<void(Asking&)>, const char*> cases[] = {
      {[](Asking& a) { a.run.function = "gdb"; }, "the function gdb is not allowed"},
      {[](Asking& a) { a.run.function = ""; }, "the image localhost/tcpdump:1 is not allowed"},
      {[](Asking& a) { a.run.grant.share = run::kShareIpc; }, "share ipc is not allowed"},
      {[](Asking& a) { a.facts.host_shares = run::kShareNet; }, "hostNamespaces is not allowed"},
      {[](Asking& a) { a.run.grant.view = run::View::kTarget; }, "view target is not allowed"},
      {[](Asking& a) { a.run.grant.paths = {{"/var/logs", true}}; },
       "path /var/logs is not allowed to be written"},
      {[](Asking& a) { a.run.grant.run_as = run::RunAs::kTarget; }, "runAs target is not allowed"},
      {[](Asking& a) { a.run.grant.capabilities |= policy::capability(CAP_KILL); },
       "capability KILL is not allowed"},
      {[](Asking& a) { a.facts.is_privileged = true; }, "the target is privileged"},
      {[](Asking& a) { a.declared.capsule.function.store = "s3"; }, "store s3 is not allowed"},
      {[](Asking& a) { a.run.limits.memory_bytes = 65 << 20; }, "memory exceeds"},
      {[](Asking& a) { a.run.limits.pids = 0; }, "pids exceeds"},
      {[](Asking& a) { a.target.namespace_labels.clear(); }, "no CapsulePolicy is for this"}};
  for (const auto& [change, why] : cases) {
    const std::string said = refusal(change);
    EXPECT_NE(said.find(why), std::string::npos) << why << " ≠ " << said;
  }
}

TEST(Ceilings, TheTargetsUserIsRootWhereTheTargetIs) {
  const char* const target_user =
      "{namespaceSelector: {}, functions: [\"*\"], allow: {capabilities: [NET_RAW], runAs: "
      "[Target]}}";
  const auto as_target = [](Asking& a) { a.run.grant.run_as = run::RunAs::kTarget; };
  EXPECT_EQ(refusal(as_target, target_user), "");
  EXPECT_NE(refusal([&](Asking& a) { as_target(a), a.facts.is_root = true; }, target_user), "");
}

TEST(Ceilings, SubjectsAreForRunsOnDemandOnly) {
  const char* const masters =
      "{namespaceSelector: {}, functions: [\"*\"], allow: {capabilities: [NET_RAW]}, subjects: "
      "[{kind: "
      "Group, name: masters}, {kind: User, name: alice}]}";
  const auto by = [](const std::string& user, std::vector<std::string> groups) {
    return [=](Asking& a) {
      a.declared.once = Once{};
      a.declared.once->requested_by = user;
      a.declared.once->groups = groups;
    };
  };
  EXPECT_EQ(refusal([](Asking&) {}, masters), "");
  EXPECT_EQ(refusal(by("alice", {}), masters), "");
  EXPECT_EQ(refusal(by("bob", {"masters"}), masters), "");
  EXPECT_NE(refusal(by("bob", {"users"}), masters), "");
}

TEST(Ceilings, ADeadlineIsCutAndCpuIsFilledIn) {
  Asking asking;
  const std::vector<kube::CapsulePolicy> policies{policy(kPolicy)};
  EXPECT_TRUE(admit_under(policies, {asking.declared, asking.target, asking.facts, asking.load},
                          asking.run));
  EXPECT_EQ(asking.run.limits.deadline_ms, 60'000U);
  EXPECT_EQ(asking.run.limits.cpu_millis, 500U);
  asking.declared.capsule.execution.type = kube::ExecutionType::kContinuous;
  asking.run.limits.deadline_ms = 0;
  EXPECT_TRUE(admit_under(policies, {asking.declared, asking.target, asking.facts, asking.load},
                          asking.run));
  EXPECT_EQ(asking.run.limits.deadline_ms, 0U);
}

TEST(Ceilings, PoliciesDoNotAddUp) {
  Asking asking;
  const auto net = policy("{namespaceSelector: {}, functions: [tcpdump], allow: {share: [net]}}");
  const auto raw = policy(
      "{namespaceSelector: {}, functions: [x], allow: "
      "{capabilities: [NET_RAW]}}");
  EXPECT_FALSE(admit_under({net, raw}, {asking.declared, asking.target, asking.facts, asking.load},
                           asking.run));
  EXPECT_FALSE(
      admit_under({}, {asking.declared, asking.target, asking.facts, asking.load}, asking.run));
}

kube::CapsulePolicy named(const char* name, std::string_view spec) {
  kube::CapsulePolicy made = policy(spec);
  made.meta.name = name;
  return made;
}

TEST(Ceilings, HowManyAtOnceIsCountedForEachPolicy) {
  Asking asking;
  const std::string_view spec =
      "{namespaceSelector: {}, functions: [tcpdump], "
      "allow: {capabilities: [NET_RAW]}, max: "
      "{runsPerNode: 3, runsPerTarget: 2}}";
  const std::vector<kube::CapsulePolicy> policies{named("a", spec), named("b", spec)};
  const auto cover = [&] {
    return admit_under(policies, {asking.declared, asking.target, asking.facts, asking.load},
                       asking.run)
        .value_or(Cover{.policy = "refused", .full = {}});
  };
  asking.load.under = {{"a", 2}, {"other", 50}};
  EXPECT_EQ(cover().policy, "a");
  asking.load.under["a"] = 3;
  EXPECT_EQ(cover().policy, "b");
  asking.load.under["b"] = 3;
  EXPECT_EQ(cover().policy, "");
  ASSERT_EQ(cover().full.size(), 2U);
  EXPECT_TRUE(cover().full[1].is_reached(asking.load));
  asking.load.under["b"] = 2;
  EXPECT_FALSE(cover().full.size() == 2U);
  asking.load.on_target = 2;
  EXPECT_EQ(cover().policy, "");
  asking.run.function = "gdb";
  EXPECT_EQ(cover().policy, "refused");
}

}  // namespace
}  // namespace recap::caplet
