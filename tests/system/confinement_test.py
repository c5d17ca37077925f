# SPDX-License-Identifier: Apache-2.0
"""SPEC: a function has exactly what was granted. Seen from inside, in /proc/self/status."""

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testlib import lab, proc
from testlib.waiting import until

RESERVED = range(0x7000_0000, 0x7FFE_0000)
STATUS = "print(open('/proc/self/status').read())"
CAP = {"CHOWN": 0, "DAC_READ_SEARCH": 2, "KILL": 5, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_PTRACE": 19}


def status_of(capsule, *flags):
    done = capsule("python3", "-c", STATUS, flags=flags)
    assert done.returncode == 0, done
    lines = done.stdout.decode().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


# WAKE_ALARM does nothing for a function; it keeps the target's root from tracing it (engine/confine.h).
INERT = 1 << 35


@pytest.mark.quick
def test_nothing_is_granted_by_default(capsule):
    status = status_of(capsule)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == INERT, name
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["Seccomp_filters"]) >= 1


def score_in(recap, toolbox, target, starters=None):
    """The oom_score_adj of a function whose starter has that one."""
    def be_started():
        if starters is not None:
            Path("/proc/self/oom_score_adj").write_text(str(starters))
    done = recap.run(toolbox, target, "cat", "/proc/self/oom_score_adj", preexec_fn=be_started)
    assert done.returncode == 0, done
    return int(done.stdout)


def test_it_is_ended_for_lack_of_memory_no_later_than_its_target(recap, toolbox, target):
    assert score_in(recap, toolbox, target) == 0
    assert score_in(recap, toolbox, target, starters=300) == 0, "the target's, not the starter's"
    Path(f"/proc/{target.pid}/oom_score_adj").write_text("700")
    assert score_in(recap, toolbox, target) == 700
    if may_protect():
        assert score_in(recap, toolbox, target, starters=-997) == 700
        Path(f"/proc/{target.pid}/oom_score_adj").write_text("-998")
        assert score_in(recap, toolbox, target, starters=-997) == 0, "a function is never protected"


def may_protect():
    """This host lets us go below 0 (CAP_SYS_RESOURCE); the guest of tests/vm does."""
    held = int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16)
    return bool(held >> 24 & 1)


HIDDEN_FILES = ["interrupts", "kcore", "keys", "latency_stats", "sched_debug", "timer_list", "timer_stats"]
HIDDEN_FOLDERS = ["/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"]


@pytest.mark.quick
@pytest.mark.parametrize("who", [[], ["--run-as", "root", "--cap", "DAC_READ_SEARCH"]])
def test_what_tells_of_the_whole_host_is_hidden(capsule, who):
    here = [name for name in HIDDEN_FILES if os.path.exists(f"/proc/{name}")]
    assert "timer_list" in here and "keys" in here, here
    done = capsule("cat", *(f"/proc/{name}" for name in here), flags=who)
    assert (done.returncode, done.stdout) == (0, b""), done
    folders = [folder for folder in HIDDEN_FOLDERS if os.path.exists(folder)]
    assert folders
    for folder in folders:
        done = capsule("ls", "-A", folder, flags=who)
        assert (done.returncode, done.stdout) == (0, b""), done


@pytest.mark.quick
@pytest.mark.parametrize("names", [["NET_RAW"], ["SYS_PTRACE"], ["NET_RAW", "KILL", "DAC_READ_SEARCH"]])
def test_what_is_granted_is_there_and_nothing_else(capsule, names):
    status = status_of(capsule, *(word for name in names for word in ("--cap", name)))
    wanted = sum(1 << CAP[name] for name in names)
    found = {name: hex(int(status[name], 16)) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert found == dict.fromkeys(found, hex(wanted | INERT))


@pytest.mark.words_only
@pytest.mark.parametrize("name", ["SYS_ADMIN", "SYS_MODULE", "MKNOD", "SYS_RAWIO", "ALL", "NO_SUCH", ""])
def test_what_is_never_granted_is_refused_with_a_sentence(capsule, name):
    done = capsule("true", flags=["--cap", name])
    assert done.returncode == 125 and done.stderr.count(b"\n") == 1, done


def test_the_uid_is_of_the_reserved_range_and_unique(recap, toolbox, target, capsule):
    for number in range(3):
        recap.start(toolbox, target, "sleep", f"880{number}")
    found = [until(lambda n=n: proc.running("sleep", f"880{n}"))[0] for n in range(3)]
    uids = {proc.process(pid).uids for pid in found}
    assert all(len(set(four)) == 1 and four[0] in RESERVED for four in uids), uids
    assert len({four[0] // 65_536 for four in uids}) == 3, uids


def test_inside_it_is_a_user_with_a_name(capsule):
    done = capsule("python3", "-c", "import os, pwd; print(pwd.getpwuid(os.getuid()).pw_name)")
    assert done.returncode == 0 and done.stdout.strip(), done


def test_files_of_the_image_belong_to_the_user_inside(capsule):
    done = capsule("sh", "-c", "id -u; stat -c %u /bin/busybox; touch /etc/mine && stat -c %u /etc/mine")
    assert done.returncode == 0, done.stderr
    assert len(set(done.stdout.split())) == 1, done.stdout


def test_a_user_can_be_named_as_the_image_names_it(capsule):
    block = 65_536  # uids of one run: the image's id N is the Nth of them
    for user, uid, gid in (("nobody", 65534, 65534), ("nobody:root", 65534, 0), ("7", 7, 0), ("7:nobody", 7, 65534)):
        done = capsule("sh", "-c", "id -u; id -g", flags=["-u", user])
        assert [int(word) % block for word in done.stdout.split()] == [uid, gid], (user, done)
    done = capsule("true", flags=["-u", "recap"])  # a name that RECap itself gives, and the host has
    assert done.returncode == 125 and b"/etc/passwd" in done.stderr, done


def test_no_identity_but_its_own_can_be_taken(capsule):
    own = capsule("sh", "-c", "echo uid $(id -u); echo gid $(id -g)").stdout.splitlines()
    done = capsule("python3", "/lab/regain.py")
    assert done.returncode == 0 and set(done.stdout.splitlines()) <= set(own), done


FORBIDDEN = {
    "AF_ALG socket": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "AF_VSOCK socket": "socket.socket(40, socket.SOCK_STREAM)",
    "new user namespace": "check(libc.unshare(0x10000000))",
    "mount": "check(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))",
    "bpf": "check(libc.syscall(321, 5, 0, 1 << 20))",
    "keyctl": "check(libc.syscall(250, 0, -3, 0))",
    "io_uring": "check(libc.syscall(425, 1, ctypes.byref(ctypes.create_string_buffer(200))))",
    "userfaultfd": "check(libc.syscall(323, 0))",
    "perf": "check(libc.syscall(298, 0, 0, 0, 0, 0))",
    "module": "check(libc.syscall(313, 0, b'', 0))",
    "terminal injection": "import fcntl; fcntl.ioctl(0, 0x5412, b'x')",
    "pivot_root": "check(libc.syscall(155, b'/', b'/'))",
    "open by handle": "check(libc.syscall(304, -100, b'xxxxxxxxxxxx', 0))",
}


# Calls that the kernel refuses to a root without this capability, which a container's lacks; the unit
# test SeccompProfiles.DenyWhatNoFunctionNeeds looks at the filter itself.
SYS_MODULE = 16
BEYOND_THIS_ROOT = set() if int(proc.status("self")["CapEff"], 16) >> SYS_MODULE & 1 else {"module"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_dangerous_calls_are_denied(capsule, what):
    script = ("import ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n"
              "def check(result):\n  if result < 0: raise OSError(ctypes.get_errno(), '')\n"
              f"try:\n  {FORBIDDEN[what]}\nexcept OSError as error:\n  print('denied', error.errno)\n"
              "else:\n  print('ALLOWED')")  # fmt: skip
    done = capsule("python3", "-c", script)
    assert done.stdout == f"denied {errno.EPERM}\n".encode(), done
    if what not in BEYOND_THIS_ROOT:
        bare = subprocess.run(["unshare", "-m", "python3", "-c", script], capture_output=True, stdin=subprocess.DEVNULL)
        assert bare.stdout and bare.stdout != done.stdout, "the kernel itself says so, without a filter"


def test_the_environment_is_the_images_and_what_was_set(capsule):
    done = capsule("env", flags=["--env", "A=b=c", "--env", "EMPTY="], env={"SECRET_OF_THE_CALLER": "x"})
    found = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert found["A"] == "b=c" and found["EMPTY"] == "" and found["PATH"] == "/usr/bin:/bin"
    assert not any("SECRET" in name or name.startswith("RECAP") for name in found), found


def test_the_targets_environment_only_when_asked_for(recap, toolbox, runc, lean):
    target = runc.run(lean, env={"OF_THE_TARGET": "yes", "ANOTHER": "no", "PATH": "/nowhere"})
    try:
        assert b"OF_THE_TARGET" not in recap.run(toolbox, target, "env").stdout
        done = recap.run(toolbox, target, "env", flags=["--env-from-target", "OF_THE_TARGET,NOT_THERE"])
        assert b"OF_THE_TARGET=yes\n" in done.stdout and b"PATH=/usr/bin:/bin\n" in done.stdout, done
        assert b"ANOTHER" not in done.stdout and b"NOT_THERE" not in done.stdout, done
    finally:
        target.remove()


def test_a_variable_that_may_decide_what_runs_is_not_taken(capsule):
    for name in ("PROMPT_COMMAND", "LD_PRELOAD", "PATH", "PERL5OPT"):
        done = capsule("true", flags=["--env-from-target", name])
        assert done.returncode == 125 and name.encode() in done.stderr and done.stderr.count(b"\n") == 1, done


def small_image(recap, work, name, passwd):
    root = work / f"{name}-root"
    for folder in ("bin", "etc"):
        (root / folder).mkdir(parents=True)
    shutil.copy2(shutil.which("busybox"), root / "bin/busybox")
    for tool in ("cat", "id", "sh"):
        (root / "bin" / tool).symlink_to("busybox")
    for file in ("passwd", "group"):
        (root / "etc" / file).write_text(passwd[file])
    return recap.import_image(lab.image(name, root, work, Env=["PATH=/bin"]))


def test_a_passwd_without_a_last_newline_stays_one(recap, target, work):
    files = {"passwd": "root:x:0:0::/root:/bin/sh\nlast:x:9:9::/:/bin/sh", "group": "root:x:0:\nlast:x:9:"}
    image = small_image(recap, work, "no-newline", files)
    for file in ("passwd", "group"):
        lines = recap.run(image, target, "cat", f"/etc/{file}").stdout.decode().splitlines()
        assert sorted(line.split(":")[0] for line in lines) == ["last", "recap", "root"], lines
        assert set(files[file].splitlines()) < set(lines), lines
    assert recap.run(image, target, "id", "-un").stdout == b"recap\n"


def test_a_scratch_space_without_a_limit_is_refused(capsule):
    for size in ("0", "0Mi"):
        done = capsule("true", flags=["--scratch", size])
        assert done.returncode == 125 and done.stderr.count(b"\n") == 1 and b"--scratch" in done.stderr, done


def test_the_hosts_swap_is_not_used_beyond_the_memory_limit(recap, toolbox, target):
    run = recap.start(toolbox, target, "sleep", "8301", flags=["--memory", "32Mi"])
    groups = [Path(folder) for folder in (f"/sys/fs/cgroup/memory/recap/{run}", f"/sys/fs/cgroup/recap/{run}")
              if Path(folder).exists()]  # fmt: skip
    limits = {file.name: file.read_text().strip() for group in groups for file in group.iterdir()
              if file.name in ("memory.memsw.limit_in_bytes", "memory.swappiness", "memory.swap.max")}  # fmt: skip
    wanted = {"memory.memsw.limit_in_bytes": str(32 << 20), "memory.swappiness": "0", "memory.swap.max": "0"}
    assert limits and all(limits[name] == wanted[name] for name in limits), limits


@pytest.mark.parametrize("workdir", ["/proc/self/fd/3", "/proc/self/fd/7", "/proc/1/root", "relative", "/a/../b"])
def test_a_working_directory_stays_inside(capsule, workdir):
    done = capsule("pwd", flags=["--workdir", workdir])
    if done.returncode == 0:
        assert done.stdout.startswith(b"/") and b"unreachable" not in done.stdout, done
    else:
        assert done.returncode == 125 and done.stderr.count(b"\n") == 1, done


def test_the_inherited_state_is_fresh(capsule):
    script = ("import json, os, resource, signal; print(json.dumps({'umask': os.umask(0), 'cwd': os.getcwd(),"
              "'core': resource.getrlimit(resource.RLIMIT_CORE)[0],"
              "'blocked': len(signal.pthread_sigmask(signal.SIG_BLOCK, [])), 'sid': os.getsid(0) != 0}))")  # fmt: skip
    done = capsule("python3", "-c", script)
    assert json.loads(done.stdout) == {"umask": 0o22, "cwd": "/", "core": 1, "blocked": 0, "sid": True}


def test_run_as_target_has_the_targets_uid(recap, toolbox, runc, lean):
    target = runc.run(lean, user="65532:65532")
    try:
        done = recap.run(toolbox, target, "id", flags=["--run-as", "target"])
        assert b"uid=65532" in done.stdout and b"gid=65532" in done.stdout, done
    finally:
        target.remove()
