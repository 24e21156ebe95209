"""What keeper and helper take from a proxy of somebody else (P3, P7).

A stand-in for dnsfw-proxy sends the records of common/msg.h and order.h, and
others.
"""

import fcntl
import ipaddress
import json
import pathlib
import re
import shutil
import signal
import struct
import time

import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, OTHER4, PORT, PROGRAMS, build_dir,
                 copy_programs)
from process import DEADLINE, ran, until

pytestmark = pytest.mark.inputs

READY, GRANT, RESULT, STOP, SEALED, REJECTED, RELOAD, CHECKED = (
    2, 4, 5, 7, 8, 10, 11, 12)
ORDER_BOUND, ORDER_COMMIT = 7, 8    # common/order.h
OK, FORBIDDEN, OUTSIDE, FULL, FAILED, STALE = range(6)
TCP, UDP = 6, 17

VERSION = 10
READY_RECORD = struct.pack("=B3xI", READY, VERSION)
SEALS = (fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW |
         fcntl.F_SEAL_WRITE)


def packed(address):
    return ipaddress.ip_address(address).packed.ljust(16, b"\0")


def grant(seq=1, family=4, proto=TCP, local=0, ttl=60, port=PORT, policy=0,
          client=CLIENT4, dst="10.78.1.1", label=b"www.example.com",
          kind=GRANT):
    """struct msg_grant; client and dst are texts, or 16 octets as they are."""
    octets = [value if isinstance(value, bytes) else packed(value)
              for value in (client, dst)]
    return struct.pack("=BBBBIIHH16s16s128s", kind, family, proto, local,
                       seq, ttl, port, policy, *octets, label)


def grant6(dst, **fields):
    return grant(family=6, client=CLIENT6, dst=dst, **fields)


GOOD = grant()


class Evil:
    """dnsfw with the stand-in."""

    def __init__(self, lab, fw):
        self._lab = lab
        self._fw = fw
        self.program = copy_programs(lab.tmp)
        proxy = lab.tmp / PROGRAMS[2]
        self._folder = proxy.parent
        shutil.copy(pathlib.Path(__file__).with_name("evil_proxy.py"), proxy)
        proxy.chmod(0o755)

    def start(self, *options, acl=ALLOW, **steps):
        """steps: worker=[...] and compiler=[...], see evil_proxy.py."""
        (self._folder / "script.json").write_text(json.dumps({
            "real": str(build_dir() / PROGRAMS[2]),
            "steps": steps}), encoding="ascii")
        process = self._lab.start(self._lab.dnsfw_argv(
            acl, *options, fw=self._fw, program=self.program))
        return process

    def results(self, grants, *options, acl=ALLOW, count=None):
        """What each grant's RESULT says: (code, expiry)."""
        process = self.start(*options, acl=acl, worker=[
            ["send", READY_RECORD.hex()],
            *(["send", record.hex()] for record in grants),
            ["results", count or len(grants)], ["say", "DONE"], ["wait_for_end"]])
        process.out.wait_for("DONE")
        codes = {}
        for line in process.out.lines:
            if line.startswith("RESULT "):
                kind, code, pad, seq, expiry = struct.unpack(
                    "=BBHIQ", bytes.fromhex(line.split()[1]))
                assert (kind, pad) == (RESULT, 0)
                assert (code == OK) == (expiry != 0)
                codes[seq] = code
        assert process.popen.poll() is None, "it goes on"
        process.stop()
        assert process.popen.returncode == 0
        return codes, str(process.err)


@pytest.fixture
def evil(lab, fw):
    return Evil(lab, fw)


def test_the_stand_in_is_believed_when_it_is_good(evil, fw, lab):
    codes, _ = evil.results([grant(1), grant6("fd78::1", seq=2)])
    assert codes == {1: OK, 2: OK}
    assert {entry[:4] for entry in fw.entries()} == {
        (CLIENT4, "tcp", PORT, "10.78.1.1"),
        (CLIENT6, "tcp", PORT, "fd78::1")}
    assert lab.reaches("10.78.1.1")


@pytest.mark.parametrize("record", [
    grant(proto=UDP), grant(port=PORT + 1), grant(client=OTHER4),
    grant(client="192.0.2.1"), grant6("fd78::1", port=22),
    grant(local=1, client=bytes(16))],
    ids=["proto", "port", "client", "net", "port6", "local"])
def test_P7_outside_of_the_policy_is_refused(evil, fw, record):
    """Seq 1 is outside, seq 2 shows that the program goes on."""
    codes, log = evil.results([record, grant(2)])
    assert codes == {1: OUTSIDE, 2: OK}
    assert len(fw.entries()) == 1
    assert re.search(r"WARN.* grants? refused", log)


def test_A9_decided_by_another_policy_is_refused(evil, fw):
    """Until the worker has decided by the one in force."""
    codes, _ = evil.results([grant(1, policy=1), grant(2, policy=0xffff),
                             grant(3)])
    assert codes == {1: STALE, 2: STALE, 3: OK}
    assert len(fw.entries()) == 1


def sealed(size, claim=None):
    return struct.pack("=B3xIQI4x", SEALED, 1, claim or size, 0).hex()


def bound(**fields):
    values = {"family": 4, "prefix": 32, "proto": TCP, "port": PORT,
              "pad": 0, "base": packed(CLIENT4), **fields}
    return struct.pack("=BBBBHH16s", ORDER_BOUND, *values.values()).hex()


def commit(count, pad=0):
    return struct.pack("=BHBI", ORDER_COMMIT, pad, pad, count).hex()


def plain(kind):
    return struct.pack("=B3x", kind).hex()


def checked(seq, keep=1, pad=0):
    return struct.pack("=BBHI", CHECKED, keep, pad, seq).hex()


START = [["send", READY_RECORD.hex()], ["receive", RELOAD]]


@pytest.mark.parametrize("steps, status, words", [
    ([["send", checked(0)]], 1, "malformed.*CHECKED without a CHECK"),
    ([["send", plain(STOP)]], 1, "malformed"),
    ([["send", plain(REJECTED)]], 2, "has errors"),
    ([["send_with_descriptor", plain(REJECTED)]], 1, "malformed"),
], ids=["checked", "stop", "rejected", "rejected_descriptor"])
def test_A9_compiler_before_the_first_policy(lab, steps, status, words):
    fw = lab.set_up_firewall("nftables")
    process = Evil(lab, fw).start(compiler=[*START, *steps,
                                            ["wait_for_end"]])
    assert process.wait_exit() == status
    process.err.wait_for(rf"\[ERROR\] .*({words})")


@pytest.mark.parametrize("steps, words", [
    ([["send", checked(0)]], "CHECKED without a CHECK"),
    ([["send", checked(63)]], "CHECKED without a CHECK"),
    ([["send", checked(0, keep=2)]], "out of range"),
    ([["send", checked(0, pad=1)]], "reserved bits"),
    ([["send", plain(REJECTED)]], "wrong size|unexpected type"),
    ([["send", plain(RELOAD)]], "wrong size|unexpected type"),
    ([["send_image", sealed(4096), 4096, SEALS]], "a descriptor where none"),
], ids=["check", "check_63", "keep", "pad", "rejected", "reload", "sealed"])
def test_A9_compiler_that_speaks_unasked(lab, steps, words):
    """After the first policy, which is in force."""
    fw = lab.set_up_firewall("nftables")
    process = Evil(lab, fw).start(
        compiler=[*START, ["order", bound()], ["order", commit(1)],
                  ["send_image", sealed(4096), 4096, SEALS],
                  *steps, ["wait_for_end"]],
        worker=[["send", READY_RECORD.hex()], ["wait_for_end"]])
    assert process.wait_exit() == 1
    process.err.wait_for(rf"\[ERROR\] .*malformed.*compiler.*({words})")


V6_FORBIDDEN = ["::", "::1", "fe80::1", "febf::1", "ff02::1",
                "::ffff:127.0.0.1", "::169.254.1.1", "64:ff9b::127.0.0.1",
                "2002:7f00:1::1", "2001:0:808:808::80ff:fffe"]
V4_FORBIDDEN = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255",
                "169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1",
                "255.255.255.255"]


def test_G8_forbidden_destinations_are_refused(evil, fw):
    """The helper's own list, whatever a proxy removed before."""
    records = [grant(seq, dst=dst)
               for seq, dst in enumerate(V4_FORBIDDEN, 1)]
    records += [grant6(dst, seq=seq)
                for seq, dst in enumerate(V6_FORBIDDEN, 101)]
    codes, log = evil.results([*records, grant(1000)])
    assert codes.pop(1000) == OK
    assert set(codes.values()) == {FORBIDDEN}
    assert len(codes) == len(records)
    assert len(fw.entries()) == 1
    assert re.search(r"WARN.* grants? refused", log)


def test_P7_client_networks(evil, fw):
    codes, _ = evil.results([grant(1), grant6("fd78::1", seq=2)],
                            "--client-net", "fd77:1::/64")
    assert codes == {1: OUTSIDE, 2: OK}
    assert [entry.client for entry in fw.entries()] == [CLIENT6]


def test_P7_client_networks_hold_for_this_host_too(evil, fw):
    """A local grant is for a loopback client."""
    acl = f"0.0.0.0/0 -> *.example.com:TCP:{PORT}\n"
    local = grant(1, local=1, client=bytes(16))
    codes, _ = evil.results([local], "--client-net", "10.77.1.0/24", acl=acl)
    assert codes == {1: OUTSIDE} and fw.entries() == []
    codes, _ = evil.results([local], "--client-net", "127.0.0.0/8", acl=acl)
    assert codes == {1: OK}


def test_P7_lifetime_is_held_whatever_the_proxy_says(evil, fw):
    evil.results([grant(1, ttl=0x7fffffff), grant(2, ttl=0, dst="10.78.1.2")],
                 "--min-rule-time", "40", "--max-rule-time", "50")
    timeouts = {entry.address: entry.timeout for entry in fw.entries()}
    assert 48 <= timeouts["10.78.1.1"] <= 50
    assert 48 <= timeouts["10.78.1.2"] <= 50       # 40, and the grace


def test_P7_lifetime_is_a_day_if_nobody_says(evil, fw):
    """The policy names no time: nothing else would end such a grant."""
    evil.results([grant(1, ttl=0x7fffffff), grant(2, ttl=86401, dst="10.78.1.2"),
                  grant(3, ttl=86000, dst="10.78.1.3")])
    timeouts = {entry.address: entry.timeout for entry in fw.entries()}
    assert 86380 <= timeouts["10.78.1.1"] <= 86400
    assert 86380 <= timeouts["10.78.1.2"] <= 86400
    assert 85995 <= timeouts["10.78.1.3"] <= 86015


def test_P7_live_grants_are_limited(evil, fw):
    records = [grant(i, dst=f"10.78.1.{i}") for i in range(1, 7)]
    codes, _ = evil.results([*records, grant(7, dst="10.78.1.1", ttl=90)],
                            "--max-grants", "4")
    assert [codes[i] for i in range(1, 8)] == [OK] * 4 + [FULL] * 2 + [OK]
    assert len(fw.entries()) == 4


def test_P7_many_grants_at_once(evil, fw):
    count = 2000
    records = [grant(i, dst=str(ipaddress.ip_address("10.78.1.0") + i))
               for i in range(1, count + 1)]
    codes, _ = evil.results(records)
    assert set(codes.values()) == {OK} and len(codes) == count
    assert len(fw.entries()) == count


FLOOD_RECORDS = 50      # each of 64 grants, again and again


def start_flood(evil):
    """Its worker's channel is always full, and the kernel is kept busy."""
    process = evil.start(worker=[
        ["send", READY_RECORD.hex()],
        ["flood", GOOD.hex(), FLOOD_RECORDS]])
    process.err.wait_for("Server started")
    # The sets cannot be listed: they are other ones before the list's end.
    helper, = process.those("helper")
    begin = ran(helper)
    until(lambda: ran(helper) > begin + 0.1, what="the flood in the kernel")
    return process


def test_P6_a_full_channel_does_not_hold_off_signals(evil):
    """It is full all the time, so they would be for ever."""
    process = start_flood(evil)
    for number, line in ((signal.SIGHUP, "the ACL was reloaded"),
                         (signal.SIGUSR1, r"grants asked for, .*: \d+")):
        seen = len(process.err.lines)
        process.signal(number)
        process.err.wait_for(line, start=seen)
    process.signal(signal.SIGTERM)
    assert process.wait_exit() == 0


def test_P7_what_is_listed_in_a_flood_ends_and_is_whole(evil, fw):
    """nft begins a listing anew after each transaction, so there must be times
    without, again and again.

    A machine on which no worker asks so fast that it is shut out has none: there
    the listing is that of after the flood.
    """
    process = start_flood(evil)
    try:
        process.err.wait_for("it is not heard for a while", 2 * DEADLINE)
    except AssertionError:
        print("no worker was shut out")
        process.signal(signal.SIGKILL)
        process.wait_exit()
    base = ipaddress.ip_address("10.78.0.0")
    wanted = [(CLIENT4, "tcp", PORT, str(base + i))
              for i in range(FLOOD_RECORDS * 64)]
    for _ in range(3):
        begin = time.monotonic()
        entries = fw.entries()
        print(f"listed in {time.monotonic() - begin:.2f} s")
        assert sorted(entry[:4] for entry in entries) == sorted(wanted)
        assert {entry.comment for entry in entries} == {"www.example.com"}


MALFORMED = {
    "short": GOOD[:-1], "long": GOOD + b"\0", "one_octet": b"\4",
    "second": GOOD + grant(proto=1), "second_short": GOOD + GOOD[:-1],
    "too_many": GOOD * 65, "huge": GOOD + bytes(60000), "type_0": b"\0" + GOOD[1:],
    "type_unknown": b"\x63" + GOOD[1:], "type_of_ours": grant(kind=RESULT),
    "ready_again": READY_RECORD, "compilers": bytes.fromhex(checked(0)),
    "stop": struct.pack("=B3x", STOP), "family_0": grant(family=0),
    "family_2": grant(family=2), "family_10": grant(family=10),
    "proto_0": grant(proto=0), "proto_icmp": grant(proto=1),
    "local_2": grant(local=2), "local_with_client": grant(local=1),
    "port_0": grant(port=0),
    "ttl": grant(ttl=0x80000000),
    "octets_behind_client": grant(client=packed(CLIENT4)[:15] + b"\1"),
    "octets_behind_dst": grant(dst=packed("10.78.1.1")[:15] + b"\1"),
    "label_quote": grant(label=b'a"b'), "label_newline": grant(label=b"a\nb"),
    "label_blank": grant(label=b"a b"), "label_upper": grant(label=b"A"),
    "label_high": grant(label=b"\xc3\xa4"),
    "label_after_nul": grant(label=b"a\0b"),
    "label_without_nul": grant(label=b"a" * 128),
}


def test_P7_a_record_of_many_grants(evil, fw):
    records = [b"".join(
        grant(seq, dst=str(ipaddress.ip_address("10.78.1.0") + seq))
        for seq in range(first, first + 64)) for first in (1, 65, 129)]
    # Some of one record are refused, and some are not.
    records.append(grant(193, port=PORT + 1) + grant(194) + grant(
        195, dst="127.0.0.1"))
    codes, _ = evil.results(records, count=195)
    assert codes == {**{seq: OK for seq in range(1, 195)}, 193: OUTSIDE,
                     195: FORBIDDEN}
    assert len(fw.entries()) == 192


@pytest.mark.parametrize("record", MALFORMED.values(), ids=MALFORMED)
def test_P7_malformed_record_ends_the_program(lab, record):
    fw = lab.set_up_firewall("nftables")
    process = Evil(lab, fw).start(worker=[
        ["send", READY_RECORD.hex()], ["send", record.hex()],
        ["wait_for_end"]])
    assert process.wait_exit() == 1
    process.err.wait_for(r"\[ERROR\] .*malformed message from dnsfw-proxy")
    assert fw.entries() == []


@pytest.mark.parametrize("steps, words", [
    ([["send", GOOD.hex()]], "malformed"),
    ([["send", struct.pack("=B3xI", READY, VERSION + 1).hex()]], "malformed"),
    ([["send", struct.pack("=B3xI", READY, 1 << 16).hex()]], "malformed"),
    ([["send", b"\2\1\0\0\2\0\0\0".hex()]], "malformed"),
    ([["send", READY_RECORD.hex()],
      ["send_with_descriptor", GOOD.hex()]], "malformed"),
    ([["send_with_descriptor", READY_RECORD.hex()]], "malformed"),
    ([["send", READY_RECORD.hex()], ["send", ""]], "closed its channel|died"),
    ([["send", READY_RECORD.hex()], ["close"]], "closed its channel"),
    ([["send", READY_RECORD.hex()], ["end", 0]], "died: exit status 0"),
    ([["send", READY_RECORD.hex()], ["end", 7]], "died: exit status 7"),
    ([["end", 3]], "died: exit status 3"),
], ids=["grant_before_ready", "version", "version_high", "ready_pad",
        "descriptor", "ready_descriptor", "empty", "closed", "exit_0",
        "exit_7", "exit_before_ready"])
def test_P3_P4_worker_that_breaks_the_order(lab, steps, words):
    fw = lab.set_up_firewall("nftables")
    process = Evil(lab, fw).start(worker=[*steps, ["wait_for_end"]])
    assert process.wait_exit() == 1
    process.err.wait_for(rf"\[ERROR\] .*({words})")
    assert fw.entries() == []


@pytest.mark.parametrize("steps, words", [
    ([["send", sealed(4096)]], "malformed"),
    ([["send_image", sealed(4096), 4096, 0]], "malformed"),
    ([["send_image", sealed(4096), 4096, SEALS & ~fcntl.F_SEAL_WRITE]],
     "malformed"),
    ([["send_image", sealed(4096), 4096, SEALS & ~fcntl.F_SEAL_SEAL]],
     "malformed"),
    ([["send_image", sealed(4096, 8192), 4096, SEALS]], "malformed"),
    ([["order_with_descriptor", bound()]], "dnsfw-priv died: .*descriptor"),
    ([["order", bound(prefix=33)]], "dnsfw-priv died: malformed"),
    ([["order", bound(family=5)]], "dnsfw-priv died: malformed"),
    ([["order", bound(proto=1)]], "dnsfw-priv died: malformed"),
    ([["order", bound(pad=1)]], "dnsfw-priv died: malformed"),
    ([["order", bound()[2:]]], "dnsfw-priv died: malformed"),
    ([["order", bound()], ["order", commit(2)]], "dnsfw-priv died: bounds"),
    ([["order", commit(0, pad=1)]], "dnsfw-priv died: malformed"),
    ([["order", bound()]] * 2, "dnsfw-priv died: bounds"),
    ([["order", GOOD.hex()]], "dnsfw-priv died: malformed"),
    ([["send", GOOD.hex()]], "malformed"),
    ([["send_image", sealed(4096), 4096, SEALS], ["end", 1]],
     "exit status 1"),
    ([["end", 0]], "exit status 0|died"),
], ids=["no_descriptor", "no_seals", "not_write", "not_seal", "size",
        "bound_descriptor", "prefix", "family", "proto", "pad", "short",
        "count", "commit_pad", "order", "grant_to_helper", "grant", "exit_1",
        "nothing"])
def test_P7_compiler_that_breaks_the_order(lab, steps, words):
    fw = lab.set_up_firewall("nftables")
    process = Evil(lab, fw).start(
        compiler=[["send", READY_RECORD.hex()], ["receive", RELOAD], *steps,
                  ["wait_for_end"]])
    assert process.wait_exit() == 1
    process.err.wait_for(rf"\[ERROR\] .*({words})")


def test_worker_does_not_take_any_image(lab):
    """It is sealed, and noise: the worker refuses it, and all stop."""
    fw = lab.set_up_firewall("nftables")
    process = Evil(lab, fw).start(compiler=[
        ["send", READY_RECORD.hex()], ["receive", RELOAD],
        ["send_image", sealed(4096), 4096, SEALS], ["wait_for_end"]])
    # The worker is the real one.
    assert process.wait_exit() == 1
    process.err.wait_for(r"\[ERROR\] .*dnsfw-proxy \(worker\) died")
