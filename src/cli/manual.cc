// SPDX-License-Identifier: Apache-2.0
// The table itself. Keep a help text to what fits beside the flag on one line of 100 columns.
#include "cli/manual.h"

#include <array>

#include "cli/manual_images.h"
#include "console/run_flags.h"

namespace recap::cli {
namespace {

constexpr Flag kQuietIds{"-q,--quiet", "", "print run ids only"};

constexpr std::array kCommon = {
    Flag{"-h,--help", "", "show this help"},
    Flag{"--state-dir", "DIR", "where live runs are kept (default /run/recap)", kDirectory},
    Flag{"--data-dir", "DIR", "where images and records are kept (default /var/lib/recap)",
         kDirectory},
};

constexpr auto kRunFlags = joined(kTerminalFlags, kFunctionFlags, kNodeFlags);
constexpr std::array kRunOperands = {
    Operand{"FUNCTION|IMAGE", kFunction, true},
    Operand{"TARGET", kTarget},
    Operand{"[-- ARG…]", kCommand, true, true},
};
constexpr std::array kShellOperands = {
    Operand{"TARGET", kTarget},
    Operand{"[-- COMMAND [ARG…]]", kCommand, true, true},
};

constexpr std::array kPsFlags = {
    Flag{"-a,--all", "", "ended runs too, as long as their records are kept"},
    kOutput,
    kQuietIds,
};
constexpr std::array kLogsFlags = {
    Flag{"-f,--follow", "", "go on until the run ends"},
    Flag{"--raw", "", "on a terminal, pass control characters too"},
};
constexpr std::array kAttachFlags = {
    Flag{"--detach-keys", "KEYS", "keys that leave the run without ending it; none: no keys do"},
};
constexpr std::array kStopFlags = {
    Flag{"-t,--grace", "DURATION",
         "time between SIGTERM and SIGKILL, e.g. 5s (default: the run's)"},
    Flag{"--signal", "SIGNAL", "first signal instead of TERM, e.g. INT"},
    Flag{"-a,--all", "", "every live run"},
};
constexpr std::array kDiffFlags = {kOutput};
constexpr std::array kCpFlags = {
    Flag{"--limit", "SIZE", "refuse to copy more than this (default 4Gi)"},
    Flag{"-q,--quiet", "", "do not say what was left out"},
};
constexpr std::array kTargetsFlags = {
    kOutput,
    Flag{"-q,--quiet", "", "print names only"},
};
constexpr std::array kListFlags = {kOutput};
constexpr std::array kOneRun = {Operand{"RUN", kRun}};
constexpr std::array kOneLiveRun = {Operand{"RUN", kLiveRun}};
constexpr std::array kManyLiveRuns = {Operand{"RUN", kLiveRun, true, true}};
constexpr std::array kManyRuns = {Operand{"RUN", kRun, false, true}};
constexpr std::array kCpOperands = {
    Operand{"RUN:PATH|LOCAL", kRunPath},
    Operand{"LOCAL|RUN:PATH", kRunPath},
};
constexpr std::array kSearch = {Operand{"SEARCH", kNothing, true}};
constexpr std::array kShells = {Operand{"bash|zsh|fish", kNothing, false, false, "bash zsh fish"}};
constexpr std::array kHelpOperands = {Operand{"VERB", kVerb, true}};

constexpr std::array kRunsAndTargets = {
    Manual{
        "run", Group::kRun, "attach a function or an image to a target, and remove it afterwards",
        "The exit code is the function's. Everything that RECap itself says goes to stderr. A "
        "bare name is a function's, or an image's in the store; any other image, such as "
        "debian:12, is pulled when the store lacks it. --share, --path, --writable, --cap, --env "
        "and --env-from-target add up when "
        "given again; --path and --writable take one path each. The function's uid is nobody's in "
        "the target: what others may not read or write there takes --run-as target.",
        kRunFlags, kRunOperands,
        "  recap run tcpdump web -- -i any -c 10    packets, from inside web's network\n"
        "  recap run strace web -- -p 1 -f -c       system calls of web's first process\n"
        "  recap run -it debian:12 web -- bash      any image, interactively\n"
        "  recap run --run-as target --writable /data toolbox web -- touch /data/x\n"
        "  recap run --out - tcpdump web -- -i any -w /out/p.pcap | wireshark -k -i -\n"
        "  recap run web                            a toolbox shell (as `recap shell web`)\n"},
    Manual{"shell", Group::kRun, "open a comfortable shell beside a target", "", kRunFlags,
           kShellOperands,
           "  recap shell web\n"
           "  recap shell web -- ss -tlnp\n"
           "  recap shell pod/shop/web-0/nginx\n"},

    Manual{"ps",
           Group::kLive,
           "list runs",
           "",
           kPsFlags,
           {},
           "  recap ps\n"
           "  recap ps -a -o json | jq '.[] | select(.exit.code != 0)'\n"},
    Manual{
        "logs", Group::kLive, "show what a detached run has written",
        "Output beyond the run's log limit is dropped and counted; the record says how much. On a "
        "terminal, control characters are shown as \\xNN.",
        kLogsFlags, kOneRun,
        "  recap logs -f 3f2a\n"
        "  recap logs capture > capture.txt 2> capture.err\n"},
    Manual{"attach", Group::kLive, "connect to a live run's terminal, or follow its output",
           "The exit code is the function's. Ctrl-P Ctrl-Q detaches from a terminal; a run without "
           "one is followed and not disturbed.",
           kAttachFlags, kOneLiveRun, "  recap attach 3f2a\n"},
    Manual{"stop", Group::kLive, "end runs: SIGTERM, after the grace SIGKILL, then Escape",
           "Returns when Escape is verified. The target is not touched.", kStopFlags, kManyLiveRuns,
           "  recap stop 3f2a\n"
           "  recap stop -t 30s capture\n"
           "  recap stop --all\n"},
    Manual{"inspect",
           Group::kLive,
           "show the record of a run as JSON",
           "",
           {},
           kManyRuns,
           "  recap inspect 3f2a\n"
           "  recap inspect 3f2a | jq .residue\n"},
    Manual{"diff", Group::kLive, "list what a live run wrote to its own files",
           "A: added, C: changed, D: deleted. All of it vanishes with the run; the image and the "
           "target are not changed.",
           kDiffFlags, kOneLiveRun, "  recap diff 3f2a\n"},
    Manual{
        "cp", Group::kLive, "copy files out of, or into, a live run",
        "Regular files and directories are copied, links and devices are left out. LOCAL may be - "
        "(stdout or stdin, for one file).",
        kCpFlags, kCpOperands,
        "  recap cp 3f2a:/tmp/core.dump .\n"
        "  recap cp 3f2a:/etc/resolv.conf -\n"
        "  recap cp script.gdb 3f2a:/tmp/\n"},

    Manual{"targets",
           Group::kFind,
           "list what a Capsule can be attached to",
           "",
           kTargetsFlags,
           {},
           "  recap targets\n"
           "  recap targets -o json\n"},
    Manual{"functions", Group::kFind, "list or search the functions of the installed catalogue",
           "Of one that is named it shows what it gets, what it is for, and examples.", kListFlags,
           kSearch,
           "  recap functions\n"
           "  recap functions network\n"
           "  recap functions tcpdump\n"},
};

constexpr std::array kHost = {
    Manual{"doctor",
           Group::kHost,
           "say what this host can and cannot do, and why",
           "Exit code 1 when something needed is missing.",
           kListFlags,
           {},
           "  recap doctor\n"
           "  recap doctor -o json | jq '.[] | select(.status == \"FAIL\")'\n"},
    Manual{"version", Group::kHost, "show the version", "", kListFlags, {}, "  recap version\n"},
    Manual{"completion",
           Group::kHost,
           "print the completion script of a shell",
           "",
           {},
           kShells,
           "  recap completion bash > /etc/bash_completion.d/recap\n"
           "  source <(recap completion zsh)\n"
           "  recap completion fish > ~/.config/fish/completions/recap.fish\n"},
    Manual{"help", Group::kHost, "explain a verb", "", {}, kHelpOperands, "  recap help run\n"},
};

constexpr auto kManuals = joined(kRunsAndTargets, kImageManuals, kHost);

constexpr std::string_view kExamples =
    "RECap attaches a function (tcpdump, strace, a shell …) to a running container and removes it\n"
    "without trace. The container needs no tools, is not restarted and not changed.\n"
    "\n"
    "  recap targets                               what can be attached to\n"
    "  recap run tcpdump web -- -i any -c 10       packets, from inside web's network\n"
    "  recap run strace web -- -p 1 -f -c          system calls of web's first process\n"
    "  recap run -it debian:12 web -- bash         any image beside web\n"
    "  recap shell web                             a toolbox shell beside web\n"
    "  recap ps; recap stop --all                  what is attached; remove it\n";

constexpr std::string_view kAfterVerbs =
    "Targets:\n"
    "  NAME, ID or a prefix of it, docker://NAME, podman://NAME, containerd://NAMESPACE/ID,\n"
    "  runc://ID, crun://ID, pod/NAMESPACE/NAME[/CONTAINER], pid:N\n"
    "\n"
    "Exit codes:\n"
    "  the function's own; 124 its --timeout passed; 125 RECap refused or failed (the reason is "
    "on\n"
    "  stderr); 126, 127 the program is not executable, not found; 128+N it ended by signal N\n"
    "\n"
    "`recap VERB --help` explains a verb. `recap doctor` tells what this host can do.\n";

constexpr Program kProgram{.name = "recap",
                           .verbs = kManuals,
                           .common_flags = kCommon,
                           .examples = kExamples,
                           .notes = kAfterVerbs};

}  // namespace

const Program& program() { return kProgram; }

const Manual* manual_of(std::string_view verb) { return find_manual(kProgram, verb); }

}  // namespace recap::cli
