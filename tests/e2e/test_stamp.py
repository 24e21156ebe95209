"""dnsfw-stamp, which makes the stamps and is gone before anything is served."""

import contextlib
import os
import pathlib
import pwd
import signal
import struct
import subprocess

import pytest

from lab import ALLOW, PROGRAMS, build_dir, copy_programs
from process import until

STAMP = PROGRAMS[4]
STAMPS_SIZE = 28 * 4 * 1028     # common/stamps.h
STAMP_FLOWS, STAMP_FLOW, STAMP_FLOW_ZONE = 24, 25, 26

# It stops whenever it has called seccomp(2), which nobody does before it.
STOP = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=seccomp", "-e",
        "inject=seccomp:signal=SIGSTOP")


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines())


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in path.read_text(encoding="ascii").split()]


def is_gone(pid):
    try:
        return status_of(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def at_work(process):
    """The pid, when it has confined itself; it is stopped then.  strace has
    children of its own for a moment."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for dnsfw in process.children():
            for pid in children(dnsfw):
                status = status_of(pid)
                if status["Name"] != "dnsfw-stamp" or \
                        "stop" not in status["State"]:
                    continue
                if status["Seccomp"] == "2":
                    return dnsfw, pid
                os.kill(pid, signal.SIGCONT)
    return None


def test_P1_P2_P3_it_has_no_power(lab, fw):
    process = lab.start_dnsfw(ALLOW, fw=fw, wrapper=STOP)
    lab.servers.remove(process)     # it is not to serve
    dnsfw, pid = until(lambda: at_work(process), what="the stamps' maker")
    status = status_of(pid)
    account = pwd.getpwnam("dnsfw-priv")
    assert status["Uid"].split() == [str(account.pw_uid)] * 4
    assert status["Gid"].split() == [str(account.pw_gid)] * 4
    assert status["Groups"].split() == []
    for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert os.listdir(f"/proc/{pid}/root/") == []
    assert os.readlink(f"/proc/{pid}/cwd").endswith("(deleted)")
    assert os.stat(f"/proc/{pid}/maps").st_uid == 0     # not dumpable
    assert pathlib.Path(f"/proc/{pid}/environ").read_bytes() == b""
    kinds = [os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")[0]
             for fd in range(5)]
    assert kinds[0] == "pipe"
    assert kinds[3:] == ["/memfd", "/memfd"]
    # But for the log, opened anew.
    assert set(map(int, os.listdir(f"/proc/{pid}/fd"))) <= set(range(6))

    # P2: nor does it outlive who started it.
    os.kill(dnsfw, signal.SIGKILL)
    until(lambda: is_gone(pid), what="the end of the stamps' maker")
    process.wait_exit()


def test_P1_dnsfw_links_none_of_what_makes_them():
    done = subprocess.run(["readelf", "-d", build_dir() / PROGRAMS[0]],
                          check=True, capture_output=True, text=True)
    libraries = [line.rpartition("[")[2] for line in done.stdout.splitlines()
                 if "(NEEDED)" in line]
    assert any(one.startswith("libc.") for one in libraries)
    for name in ("libnftnl", "libmnl", "libseccomp"):
        assert not any(one.startswith(name) for one in libraries)


@pytest.fixture(name="with_maker")
def _with_maker(lab, fw):
    """Start dnsfw with another maker; what it says."""
    program = copy_programs(lab.tmp)

    def run(script):
        maker = lab.tmp / STAMP
        maker.unlink()
        if script is not None:
            maker.write_text("#!/usr/bin/python3 -IS\nimport os\n" + script,
                             encoding="ascii")
            maker.chmod(0o755)
        status, text = lab.dnsfw_fails(ALLOW, fw=fw, program=program)
        return status, text.replace(str(lab.tmp), "")
    return run


@pytest.mark.parametrize("script, line", [
    (None, f"cannot run /{STAMP}: No such file or directory"),
    ("os.kill(os.getpid(), 31)", "dnsfw-stamp died: killed by signal 31 (SYS), "
     "a system call outside of its allow-list"),
    ("", "dnsfw-stamp has made no stamps"),
    ("os.write(4, bytes(1000))", "dnsfw-stamp has made no stamps"),
    # No filter; stamps that are longer than their places.
    ("os.write(4, bytes(1000000))", "what dnsfw-stamp has made are no stamps"),
    ("os.write(4, b'\\377' * 1000000)",
     "what dnsfw-stamp has made are no stamps"),
    # A filter, and stamps of 21 bytes, behind which none would be aligned.
    ("os.write(4, bytes(16) + b'\\1\\0\\0\\0' + b'\\25\\0' * 500000)",
     "what dnsfw-stamp has made are no stamps"),
    ("os.write(2, b'[ERROR] dnsfw-stamp: a reason\\n'); os._exit(1)",
     "dnsfw-stamp: a reason")])
def test_P3_its_failure_ends_the_start_with_one_line(with_maker, script, line):
    assert with_maker(script) == (1, f"[ERROR] {line}")


def test_by_hand_it_says_what_to_start(lab):
    process = lab.start([str(build_dir() / STAMP)])
    assert process.wait_exit() == 1
    process.err.wait_end()
    assert str(process.err).startswith("[ERROR] dnsfw-stamp: it is started by "
                                       "dnsfw")


@pytest.fixture(name="with_touch")
def _with_touch(lab):
    """Start dnsfw with what the real one makes, touched by a script."""
    fw = lab.set_up_firewall("nftables")
    program = copy_programs(lab.tmp)
    maker, real = lab.tmp / STAMP, lab.tmp / "real"

    def run(script, *options):
        maker.rename(real)
        maker.write_text(f"""#!/usr/bin/python3 -IS
import os, struct, subprocess
subprocess.run([{str(real)!r}], check=True, pass_fds=[3, 4])
size = os.fstat(4).st_size
first = size - {STAMPS_SIZE}
{script}
""", encoding="ascii")
        maker.chmod(0o755)
        lab.dnsfw(ALLOW, "--max-rule-time", "100", *options, fw=fw,
                  program=program)
        site = lab.site()
        lab.resolve(site)
        assert lab.reaches(site.v4)
        return fw
    return run


def test_P7_the_limits_are_not_its_to_say(with_touch):
    """Version, size, user and group; and what is between filter and stamps."""
    fw = with_touch("""
limits = 20 + 128 * 8
os.pwrite(4, struct.pack("=IIII", 99, 99, 0, 0), 0)
os.pwrite(4, bytes([255]) * (first - limits), limits)
""")
    assert all(entry.timeout <= 100 for entry in fw.entries())


def test_P7_a_stamp_is_believed(lab, with_touch):
    """One that says something else is sent like any other."""
    with_touch("""
stamps = os.pread(4, size, 0)
os.pwrite(4, stamps.replace(b"dnsfw: live grants", b"dnsfw: dead grants"), 0)
""")
    assert "dnsfw: dead grants" in lab.gateway.run("nft", "list", "sets")


@pytest.mark.parametrize("options, stamps", [
    ((), set()),
    (("--audit",), {STAMP_FLOWS}),
    (("--hold-live",), {STAMP_FLOWS}),
    (("--kill-connections",), {STAMP_FLOWS, STAMP_FLOW, STAMP_FLOW_ZONE}),
    (("--audit=no", "--hold-live=no", "--kill-connections=no"), set())])
def test_P7_stamps_of_connections(lab, with_touch, options, stamps):
    """Which there are, of both families: what a captured keeper can have of
    other connections is no more than that."""
    made = lab.tmp / "made"
    made.touch()
    made.chmod(0o666)
    with_touch(f"""
with open({str(made)!r}, "wb") as file:
    file.write(os.pread(4, {STAMPS_SIZE}, first))
""", *options)
    lengths = [one for (one,) in struct.iter_unpack("=H1026x",
                                                    made.read_bytes())]
    assert len(lengths) == 28 * 4
    found = {(what // 4, what % 4) for what, length in enumerate(lengths)
             if length and STAMP_FLOWS <= what // 4 <= STAMP_FLOW_ZONE}
    assert found == {(what, family) for what in stamps for family in (0, 1)}
