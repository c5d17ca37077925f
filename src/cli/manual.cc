// SPDX-License-Identifier: Apache-2.0
// The table itself. Keep a help text to what fits beside the flag on one line of 100 columns.
#include "cli/manual.h"

#include <array>

namespace recap::cli {
namespace {

using enum Words;

constexpr Flag kOutput{"-o,--output", "FORMAT", "table or json", kNothing, "table json"};
constexpr Flag kQuietIds{"-q,--quiet", "", "print run ids only"};

constexpr std::array kCommon = {
    Flag{"-h,--help", "", "show this help"},
    Flag{"--state-dir", "DIR", "where live runs are kept (default /run/recap)", kDirectory},
    Flag{"--data-dir", "DIR", "where images and records are kept (default /var/lib/recap)",
         kDirectory},
};

constexpr std::array kRunFlags = {
    Flag{"-i,--stdin", "", "pass stdin to the function"},
    Flag{"-t,--tty", "", "give it a terminal (with -i); Ctrl-P Ctrl-Q detaches"},
    Flag{"-d,--detach", "", "print the run id and return; output is kept for `recap logs`"},
    Flag{"-q,--quiet", "", "say nothing on stderr unless something is wrong"},
    Flag{"--name", "NAME", "name of the run"},
    Flag{"-u,--user", "USER[:GROUP]",
         "user inside the image, instead of its USER: names or numbers"},
    Flag{"--share", "LIST", "namespaces joined", kNothing, "net pid ipc uts cgroup user none all"},
    Flag{"--view", "VIEW", "what is seen of the target's files", kNothing, "nothing target merged"},
    Flag{"--path", "PATH", "show this path of the target at its own place, read-only"},
    Flag{"--writable", "PATH", "the same, writable"},
    Flag{"--cap", "CAP", "grant a capability, e.g. NET_RAW"},
    Flag{"--run-as", "WHO", "whose uid the function has", kNothing, "reserved target root"},
    Flag{"--profile", "PROFILE", "seccomp profile; by default it follows from what is granted",
         kNothing, "restricted net trace files"},
    Flag{"--allow-host-namespaces", "",
         "join namespaces, or see files, that the target shares with the host"},
    Flag{"--cpus", "N", "CPU limit, e.g. 0.5; 0, and the default: none"},
    Flag{"--memory", "SIZE", "memory limit, e.g. 1Gi; 0: none"},
    Flag{"--pids", "N", "limit of processes; 0: none"},
    Flag{"--scratch", "SIZE", "limit of what it may write to its own files"},
    Flag{"--timeout", "DURATION", "kill it this long after the request, e.g. 30s; exit code 124"},
    Flag{"--grace", "DURATION", "time between SIGTERM and SIGKILL"},
    Flag{"--env", "NAME[=VALUE]", "set a variable, without VALUE to what it is here"},
    Flag{"--env-from-target", "NAMES", "variables to take from the target, e.g. TZ,DATABASE_URL"},
    Flag{"--workdir", "DIR", "working directory inside"},
    Flag{"--entrypoint", "PROGRAM", "instead of the image's entrypoint"},
    Flag{"--out", "DIR|FILE|-", "where the artifacts of /out go, whole or not at all; - is stdout",
         kFile},
    Flag{"--report", "FILE", "write the run's record as JSON", kFile},
    Flag{"--detach-keys", "KEYS", "keys that leave the run without ending it; none: no keys do"},
    Flag{"--dry-run", "", "say what would be granted, and do nothing"},
};
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
constexpr std::array kImagesFlags = {
    kOutput,
    Flag{"-q,--quiet", "", "print digests only"},
};
constexpr Flag kImageName{"--name", "NAME", "name of the image in the store"};
constexpr Flag kNoProgress{"-q,--quiet", "", "do not show progress"};
constexpr std::array kImportFlags = {kImageName, kNoProgress};
constexpr std::array kPullFlags = {
    kImageName,
    kNoProgress,
    Flag{"--authfile", "FILE", "registry credentials, instead of skopeo's own", kFile},
    Flag{"--tls-verify", "WHAT", "for this registry, instead of registries.conf", kNothing,
         "true false"},
};
constexpr std::array kGcFlags = {
    Flag{"-n,--dry-run", "", "say what would be removed, and remove nothing"},
};

constexpr std::array kOneRun = {Operand{"RUN", kRun}};
constexpr std::array kOneLiveRun = {Operand{"RUN", kLiveRun}};
constexpr std::array kManyLiveRuns = {Operand{"RUN", kLiveRun, true, true}};
constexpr std::array kManyRuns = {Operand{"RUN", kRun, false, true}};
constexpr std::array kCpOperands = {
    Operand{"RUN:PATH|LOCAL", kRunPath},
    Operand{"LOCAL|RUN:PATH", kRunPath},
};
constexpr std::array kSearch = {Operand{"SEARCH", kNothing, true}};
constexpr std::array kImportOperands = {Operand{"PATH", kFile}};
constexpr std::array kPullOperands = {Operand{"IMAGE", kNothing}};
constexpr std::array kRmiOperands = {Operand{"IMAGE", kImage, false, true}};
constexpr std::array kShells = {Operand{"bash|zsh|fish", kNothing}};
constexpr std::array kHelpOperands = {Operand{"VERB", kVerb, true}};

constexpr std::array kManuals = {
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
    Manual{"functions", Group::kFind, "list or search the functions of the installed catalogue", "",
           kListFlags, kSearch,
           "  recap functions\n"
           "  recap functions network\n"},

    Manual{"images",
           Group::kImages,
           "list the images in the store",
           "",
           kImagesFlags,
           {},
           "  recap images -o json | jq -r '.[].digest'\n"},
    Manual{"import", Group::kImages, "take in an OCI layout, an OCI archive or a docker archive",
           "", kImportFlags, kImportOperands,
           "  recap import ./image-dir\n"
           "  docker save tools:1 -o tools.tar && recap import --name tools:1 tools.tar\n"},
    Manual{"pull", Group::kImages, "fetch an image from a registry, by skopeo", "", kPullFlags,
           kPullOperands,
           "  recap pull debian:12\n"
           "  recap pull docker-daemon:tools:1\n"},
    Manual{"rmi",
           Group::kImages,
           "remove images that no run uses",
           "",
           {},
           kRmiOperands,
           "  recap rmi tools:1\n"},
    Manual{
        "gc", Group::kImages, "remove layers that no image uses", "", kGcFlags, {}, "  recap gc\n"},

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

}  // namespace

std::span<const Manual> manuals() { return kManuals; }

std::span<const Flag> common_flags() { return kCommon; }

const Manual* manual_of(std::string_view verb) {
  for (const Manual& manual : kManuals) {
    if (manual.verb == verb) {
      return &manual;
    }
  }
  return nullptr;
}

}  // namespace recap::cli
