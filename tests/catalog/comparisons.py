# SPDX-License-Identifier: Apache-2.0
"""What is compared between a tool inside a fat container and the Capsule on its lean twin, and after which
normalisations: this list is closed, and the page that the test writes shows it."""

import re
from dataclasses import dataclass, field

HTTP = b"GET / HTTP/1.0\r\nHost: lean\r\n\r\n"


def without(pattern):
    return lambda text, twin: "".join(line for line in text.splitlines(True) if not re.search(pattern, line))


def replaced(pattern, by):
    return lambda text, twin: re.sub(pattern, by, text, flags=re.MULTILINE)


NORMALISATIONS = {
    "own": ("the line of the tool's own process, and those of RECap's two stubs, are left out", None),
    "pid": ("the pid of nginx's worker is W",
            lambda text, twin: re.sub(rf"(?:(?<=pid=)|(?<!\S)){twin.worker}(?=[ ,])", "W", text)),
    "place": ("`/target` and `/proc/1/root`, where the Capsule sees the target's files, are `/`",
              replaced(r"/target(?=/)|/proc/1/root(?=/)", "")),
    "width": ("several blanks are one, and none ends a line", lambda text, twin: re.sub(r" +(?=\n)", "",
              re.sub(r"[ \t]+", " ", text))),
    "order": ("lines are sorted: sockets are listed by a hash, hashes as they are ready",
              lambda text, twin: "".join(sorted(text.splitlines(True)))),
    "moment": ("times of day, durations and the server's date are T",
               replaced(r"(?<=^Date: ).*|(?<=time[= ])\d+(\.\d+)?( ?ms)?|(?<= = )[\d./]+(?= ms)", "T")),
    "number": ("addresses in memory, sequence numbers and the client's port are N",
               replaced(r"0x[0-9a-f]{6,}|(?<=127\.0\.0\.1\.)\d{5}|(?<=seq )\d+|(?<=ack )\d{3,}|(?<=ecr )\d+"
                        r"|(?<=val )\d+|sin_port=htons\(\d+\)", "N")),
    "container": ("the container's id and the place of its bundle are ID",
                  lambda text, twin: re.sub(r"/\S*" + re.escape(twin.container.id), "ID", text)),
}  # fmt: skip


@dataclass
class Comparison:
    function: str
    argv: list  # of the Capsule
    program: list  # the same for the fat container
    after: list = field(default_factory=list)  # normalisations
    flags: list = field(default_factory=list)  # of recap run
    input: bytes = None
    only: str = ""  # what of the output is compared: lines that match
    stream: str = "stdout"
    busy: bool = False  # one request is made meanwhile


DATA = ["--path", "/data"]
SCAN = ["-type", "f", "-perm", "/6000", "-printf", "%M %U:%G %p\\n"]
FIRST_PACKETS = ["-n", "-t", "-i", "lo", "-c", "2", "tcp port 80 and tcp[tcpflags] & tcp-syn != 0"]
LSOF = ["-n", "-P", "-a", "-p", "1", "-d", "0-99", "-Fftn"]


def same(function, program, *argv, **more):
    """The Capsule's entrypoint and the fat container's program take the same words."""
    return Comparison(function, list(argv), [*program.split(), *argv], **more)


COMPARISONS = [
    same("ps", "ps", "-e", "-o", "pid,ppid,uid,stat,args", after=["own", "pid", "width"]),
    same("pscap", "pscap -a", after=["own", "pid", "width"]),
    same("ss", "ss", "-tuln", after=["order", "width"]),
    same("ip", "ip", "-o", "address"),
    same("ip", "ip", "route", "show", "table", "all"),
    same("open-ports", "ss -H -tulnp", after=["pid", "order", "width"]),
    same("lsof", "lsof", *LSOF, after=["container", "pid"]),
    same("gdb", "gdb -q -nx", "-batch", "-ex", "bt", "-p", "1", after=["place", "number"], only=r"^#"),
    Comparison("strace", ["-p", "{worker}"], ["timeout", "-s", "INT", "4", "strace", "-p", "{worker}"],
               flags=["--timeout", "4s"], only=r"^\w+\(", stream="stderr", busy=True, after=["number", "call"]),
    same("tcpdump", "tcpdump", *FIRST_PACKETS, after=["number"], busy=True),
    same("curl", "curl", "-sSi", "http://127.0.0.1/", after=["moment"]),
    same("netcat", "nc", "-N", "127.0.0.1", "80", input=HTTP, after=["moment"]),
    same("socat", "socat", "-", "TCP:127.0.0.1:80", input=HTTP, after=["moment"]),
    same("ping", "ping -n", "-c", "1", "127.0.0.1", after=["moment"]),
    same("dig", "dig", "@127.0.0.1", "-p", "5353", "lean.test", "+noall", "+answer"),
    same("openssl", "openssl", "x509", "-in", "/data/tls.crt", "-noout", "-text",
         flags=[*DATA, "--cap", "DAC_READ_SEARCH"]),
    same("openssl", "openssl", "s_client", "-connect", "127.0.0.1:443", "-showcerts", only=r"^[-A-Za-z0-9+/=]{64}$"),
    same("sha256sum", "sha256sum", "/data/secret", "/data/deep/file", flags=DATA),
    same("md5sum", "md5sum", "/data/secret", "/data/deep/file", flags=DATA),
    same("hashdeep", "hashdeep -r -l", "/data", flags=DATA, only=r"^\d", after=["order"]),
    Comparison("backup", ["/data"], ["tar", "--create", "--file=-", "--absolute-names", "--numeric-owner", "--xattrs",
                                     "--sparse", "/data"], flags=DATA),
    Comparison("setuid", ["/target/data", *SCAN], ["find", "/data", *SCAN], after=["place"],
               flags=["--entrypoint", "find"]),
    Comparison("clamav", ["--no-summary", "/target/data"],
               ["clamscan", "--database=/data/eicar.ndb", "--recursive", "--infected", "--no-summary", "/data"],
               after=["place"]),
    Comparison("aide", ["--init"], ["aide", "--config=/data/aide.conf", "--init"], after=["place"], only=r"^/data"),
    Comparison("toolbox", ["bash", "-c", "hostname; pgrep -l nginx; cat /proc/net/dev"],
               ["bash", "-c", "hostname; pgrep -l nginx; cat /proc/net/dev"], after=["pid"], only=r"lean|nginx"),
]  # fmt: skip
NORMALISATIONS["call"] = ("of each system call the name is compared", replaced(r"^(\w+)\(.*$", r"\1"))

# Of the moment, or of a service rather than of the container.
NOT_COMPARED = {
    "top, htop, pidstat, iostat, mpstat, syscalls, metrics": "their numbers are of the moment",
    "ltrace, gcore": "addresses and memory of one process",
    "tshark": "what tcpdump shows, decoded",
    "iperf3, chrony": "measurements",
    "redis-cli, psql, the exporters": "the answers are the service's",
    "logrotate, restore, restic": "they change something: [their tests](../tests/catalog/) look at that",
}
