# SPDX-License-Identifier: Apache-2.0
"""Checks of what one looks into a container with."""

import re
import subprocess
import time

from testlib import waiting

from catalog.checks import check, output


def requests_until_end(child, web):
    """Keeps the web server busy until the function ends; returns its stdout."""
    while child.poll() is None:
        web.http("/")
    out, err = child.communicate(timeout=20)
    assert child.returncode == 0, err
    return out.decode()


@check("tcpdump")
def tcpdump(run, web):
    child = run.popen("-i", "any", "-c", "4", "tcp port 80", flags=["--timeout", "8s"])
    assert requests_until_end(child, web).count(".80") >= 4


@check("tshark")
def tshark(run, web):
    child = run.popen("-i", "any", "-Y", "http.request", "-T", "fields", "-e", "http.request.uri",
                      "-f", "tcp port 80", "-a", "packets:20", flags=["--timeout", "15s"])  # fmt: skip
    assert "/" in requests_until_end(child, web).split()


@check("strace")
def strace(run, web):
    child = run.popen("-e", "trace=accept4", "-p", worker_of(web), flags=["--timeout", "3s"])
    while child.poll() is None:
        web.http("/")
    assert b"accept4(" in child.communicate()[1] and child.returncode == 124
    assert web.alive() and web.http("/")


def worker_of(web):
    """The pid of nginx's worker in its own namespace."""
    listed = subprocess.run(["pgrep", "-P", str(web.pid)], capture_output=True, text=True, check=True).stdout
    status = open(f"/proc/{listed.split()[0]}/status").read()
    return re.search(r"^NSpid:.*\t(\d+)$", status, re.MULTILINE).group(1)


@check("ltrace", target="caller")
def ltrace(run, caller):
    done = run("-p", "1", timeout="3s")
    assert b"getenv(" in done.stderr and done.returncode == 124, done
    assert caller.alive()


@check("gdb")
def gdb(run, web):
    shown = output(run("-batch", "-ex", "bt", "-p", "1"))
    assert "ngx_master_process_cycle" in shown and "main" in shown, shown
    assert web.http("/")


@check("gcore")
def gcore(run, web):
    core = web.folder / "core"
    core.unlink(missing_ok=True)
    done = run("1", flags=["--out", core], timeout="40s")
    assert done.returncode == 0, done
    with core.open("rb") as file:
        header = file.read(18)
    assert header[:4] == b"\x7fELF" and header[16] == 4, "not a core of the ELF format"
    # Without the auxiliary vector a debugger does not find the program's place in memory.
    notes = subprocess.run(["readelf", "--notes", core], capture_output=True, text=True).stdout
    assert "NT_PRSTATUS" in notes and "NT_AUXV" in notes, notes
    assert b"nginx: master process" in core.read_bytes()
    core.unlink()
    assert web.http("/")


@check("lsof")
def lsof(run, web):
    shown = output(run())
    assert "/var/log/nginx/access.log" in shown and "*:80 (LISTEN)" in shown, shown


@check("ps")
def ps(run, web):
    assert "nginx: worker process" in output(run())


@check("top")
def top(run, web):
    assert "nginx" in output(run("-b", "-n", "1"))


@check("htop")
def htop(run, web):
    # It has no batch mode: a terminal of its own, whose picture is looked at.
    words = run.recap.run_words("htop", web, flags=["-it", *run.grant])
    command = " ".join(f"'{word}'" for word in [str(run.recap.program), *map(str, words)])
    child = subprocess.Popen(["script", "-qec", command, "/dev/null"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env={**run.recap.env, "TERM": "xterm"})  # fmt: skip
    time.sleep(3)
    shown = child.communicate(b"q", timeout=30)[0]
    assert b"nginx" in shown and child.returncode == 0, shown


@check("toolbox")
def toolbox(run, web):
    inside = ["nsenter", "-t", str(web.pid), "-i"]
    made = subprocess.run([*inside, "ipcmk", "-M", "4242"], capture_output=True, text=True, check=True).stdout
    try:
        shown = output(run("bash", "-c", "curl -s localhost; hostname; pgrep -c nginx; cat /proc/sysvipc/shm"))
    finally:
        subprocess.run([*inside, "ipcrm", "-m", made.split()[-1]], check=True)
    assert all(what in shown for what in ("Served by nginx", "lean\n", "\n2\n", " 4242 ")), shown


@check("iostat")
def iostat(run, web):
    assert re.search(r"^Device +tps", output(run("-d")), re.MULTILINE)


@check("mpstat")
def mpstat(run, web):
    assert re.search(r"\ball\b.*\d", output(run("1", "1")))


@check("pidstat")
def pidstat(run, web):
    assert "nginx" in output(run("-r", "-p", "ALL"))


@check("ss")
def ss(run, web):
    assert re.search(r"LISTEN.*:80\b", output(run("-ltn")))


@check("ip")
def ip(run, web):
    # An address that only this network has.
    web.in_network("ip", "address", "replace", "192.0.2.7/32", "dev", "lo", check=True)
    assert "192.0.2.7/32" in output(run())


@check("netcat")
def netcat(run, web):
    shown = run("-N", "127.0.0.1", "80", input=b"GET / HTTP/1.0\r\n\r\n", flags=["-i"])
    assert "Served by nginx" in output(shown)


@check("socat")
def socat(run, web):
    shown = run("-", "TCP:127.0.0.1:80", input=b"GET / HTTP/1.0\r\n\r\n", flags=["-i"])
    assert "Served by nginx" in output(shown)


@check("iperf3")
def iperf3(run, web):
    run.start("-s", "-1", flags=["--timeout", "30s"])
    try:
        assert waiting.until(lambda: ":5201" in web.in_network("ss", "-ltn").stdout, 5), "no server in this network"
        assert '"bits_per_second"' in output(run("-c", "127.0.0.1", "-t", "1", "-J"))
    finally:
        run.recap.clean()


@check("curl")
def curl(run, web):
    assert output(run("-sS", "http://127.0.0.1/")) == "Served by nginx\n"


@check("dig", target="name_server")
def dig(run, name_server):
    assert output(run("@127.0.0.1", "-p", "5353", "lean.test", "+short")).strip() == "192.0.2.80"


@check("ping")
def ping(run, web):
    web.in_network("ip", "address", "replace", "192.0.2.7/32", "dev", "lo", check=True)
    assert " 0% packet loss" in output(run("-c", "1", "-W", "2", "192.0.2.7"))


@check("openssl")
def openssl(run, web):
    assert "CN = lean.test" in output(run("s_client", "-connect", "127.0.0.1:443"))


@check("redis-cli", target="redis")
def redis_cli(run, redis):
    assert output(run("set", "colour", "green")) == "OK\n"
    assert output(run("get", "colour")) == "green\n"


@check("psql", target="postgres")
def psql(run, postgres):
    assert output(run("-U", "postgres", "-Atc", "select 6 * 7")) == "42\n"
