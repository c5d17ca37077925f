// SPDX-License-Identifier: Apache-2.0
// The table itself. Keep a help text to what fits beside the flag on one line of 100 columns.
#include "kubectl/manual.h"

#include <array>

#include "console/run_flags.h"

namespace recap::kubectl {
namespace {

using console::Flag;
using console::Group;
using console::Manual;
using console::Operand;
using enum console::Words;

constexpr std::array kCommon = {
    Flag{"-h,--help", "", "show this help"},
    Flag{"-n,--namespace", "NAMESPACE", "where the pod is (default: the context's)"},
    Flag{"--context", "NAME", "context of the kubeconfig (default: the current one)"},
    Flag{"--kubeconfig", "FILE", "kubeconfig (default: $KUBECONFIG, ~/.kube/config)", kFile},
};

constexpr std::array kTargetFlags = {
    Flag{"-l,--selector", "LABELS", "every pod with these labels, e.g. app=web,tier!=cache"},
    Flag{"-c,--container", "NAME", "container of the pod (default: as kubectl exec chooses)"},
    Flag{"--parallelism", "N", "with -l: how many pods at once (default 10)"},
    Flag{"--from", "capsule/NAME", "run this Capsule (or clustercapsule/NAME) now"},
    Flag{"--rm", "", "delete the CapsuleRun when it has ended"},
};
constexpr auto kRunFlags = console::joined(kTargetFlags, console::kFunctionFlags);
constexpr std::array kShellFlags = {
    Flag{"-c,--container", "NAME", "container of the pod (default: as kubectl exec chooses)"},
};

constexpr Flag kOutput{"-o,--output", "FORMAT", "table or json", kNothing, "table json"};
constexpr std::array kPsFlags = {
    Flag{"-a,--all", "", "ended runs too, as long as their objects are kept"},
    Flag{"-A,--all-namespaces", "", "of every namespace"},
    kOutput,
    Flag{"-q,--quiet", "", "print names only"},
};
constexpr std::array kLogsFlags = {
    Flag{"-f,--follow", "", "wait until the run has ended"},
};
constexpr std::array kStopFlags = {
    Flag{"-a,--all", "", "every live run of the namespace"},
};
constexpr std::array kFunctionsFlags = {kOutput};

constexpr std::array kRunOperands = {
    Operand{"FUNCTION|IMAGE", kFunction, true},
    Operand{"POD", kTarget, true},
    Operand{"[-- ARG…]", kCommand, true, true},
};
constexpr std::array kShellOperands = {Operand{"POD", kTarget}};
constexpr std::array kOneRun = {Operand{"RUN", kRun}};
constexpr std::array kManyRuns = {Operand{"RUN", kRun, false, true}};
constexpr std::array kManyLiveRuns = {Operand{"RUN", kLiveRun, true, true}};
constexpr std::array kSearch = {Operand{"SEARCH", kNothing, true}};

constexpr std::array kManuals = {
    Manual{"run", Group::kRun, "run a function in a pod, or in every pod of a selector",
           "The exit code is the function's; with -l that of the pods that failed if they agree, "
           "else 1. Output comes when the function has ended, the last 16 KiB of each stream. "
           "Ctrl-C ends the run.",
           kRunFlags, kRunOperands,
           "  kubectl recap run tcpdump web-0 -- -i any -c 10\n"
           "  kubectl recap run ps web-0 -c nginx -n shop\n"
           "  kubectl recap run ps -l app=web --parallelism 3\n"
           "  kubectl recap run --from capsule/md5-check -n shop\n"},
    Manual{"shell", Group::kRun, "say how to get a shell beside a pod", "", kShellFlags,
           kShellOperands, "  kubectl recap shell web-0 -n shop\n"},
    Manual{"ps",
           Group::kLive,
           "list runs on demand",
           "",
           kPsFlags,
           {},
           "  kubectl recap ps -n shop\n"
           "  kubectl recap ps -a -o json | jq '.[] | select(.status.phase == \"Failed\")'\n"},
    Manual{"logs", Group::kLive, "show what an ended run has written",
           "The last 16 KiB of each stream; all of it is on the node, which is named then.",
           kLogsFlags, kOneRun, "  kubectl recap logs -f capture\n"},
    Manual{"stop", Group::kLive, "end runs by deleting their objects",
           "Returns when the objects are gone. The pods are not touched.", kStopFlags,
           kManyLiveRuns,
           "  kubectl recap stop capture\n"
           "  kubectl recap stop --all -n shop\n"},
    Manual{"inspect",
           Group::kLive,
           "show a run's object as JSON",
           "",
           {},
           kManyRuns,
           "  kubectl recap inspect capture | jq .status.results\n"},
    Manual{"functions", Group::kFind, "list or search the catalogue of this version",
           "A node runs what its own catalogue has, below the ceilings of the CapsulePolicies.",
           kFunctionsFlags, kSearch,
           "  kubectl recap functions\n"
           "  kubectl recap functions network\n"},
    Manual{"version", Group::kHost, "show the version", "", {}, {}, "  kubectl recap version\n"},
};

constexpr std::string_view kExamples =
    "Runs functions (tcpdump, strace, ps …) in running pods and removes them without trace. The\n"
    "pods need no tools, are not restarted and not written to.\n"
    "\n"
    "  kubectl recap run tcpdump web-0 -- -i any -c 10     packets, from inside web-0's network\n"
    "  kubectl recap run ps -l app=web                     processes, in every pod with this "
    "label\n"
    "  kubectl recap ps; kubectl recap stop --all          what runs on demand; end it\n";

constexpr std::string_view kNotes =
    "Exit codes:\n"
    "  the function's own; 124 its --timeout passed; 125 refused or failed (the reason is on\n"
    "  stderr); 126, 127 the program is not executable, not found; 128+N it ended by signal N\n"
    "\n"
    "`kubectl recap VERB --help` explains a verb.\n";

constexpr console::Program kProgram{.name = "kubectl recap",
                                    .verbs = kManuals,
                                    .common_flags = kCommon,
                                    .examples = kExamples,
                                    .notes = kNotes};

}  // namespace

const console::Program& program() { return kProgram; }

}  // namespace recap::kubectl
