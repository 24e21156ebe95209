#!/usr/bin/python3
"""Real answers through unbound, which must use no address that is not granted.

    through_unbound.py [--every N] [--build DIR] MESSAGES

Each answer of MESSAGES (as extract.py printed them) that dnsfw takes is given
to unbound, which forwards to us, as the answer to its own question.  What
unbound then answers may have less (it trims what does not belong), but no
address that dnsfw does not see behind the question's name.  Needs root.
"""

import argparse
import collections
import pathlib
import subprocess
import sys

import dns.exception
import dns.message
import dns.rdatatype

import compare
import replay

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from ending import exit_on_signals              # noqa: E402
from lab import CLIENT4, DNS4, GATEWAY4, Lab    # noqa: E402

CONFIG = f"""
server:
    interface: {GATEWAY4}
    access-control: {CLIENT4} allow
    username: ""
    chroot: ""
    directory: "/"
    pidfile: ""
    use-syslog: no
    verbosity: 1
    do-daemonize: no
    module-config: "iterator"
    cache-max-ttl: 0
    cache-max-negative-ttl: 0
    infra-host-ttl: 0
    infra-keep-probing: yes
    qname-minimisation: no
    do-ip6: no
    serve-expired: no
    unwanted-reply-threshold: 0
    local-zone: "localhost." nodefault
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: {DNS4}
"""
ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)


def start_unbound(lab):
    path = lab.tmp / "unbound.conf"
    path.write_text(CONFIG, encoding="ascii")
    process = lab.start(["unbound", "-d", "-c", str(path)],
                        stdout=subprocess.DEVNULL)
    process.err.wait_for("start of service")


def question(wire, end):
    return wire[12:end].lower()


def query_for(wire, end):
    return b"\x43\x21\1\0\0\1" + bytes(6) + wire[12:end]


def used(wire):
    """The addresses in an answer of unbound's."""
    try:
        answer = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return set()
    return {record.to_wire() for rrset in answer.answer for record in rrset
            if record.rdtype in ADDRESSES}


def through(client, upstream, wire):
    """What unbound makes of an answer."""
    end = replay.question_of(wire)[0]

    def answers(asked):
        its_end = (replay.question_of(asked) or (12,))[0]
        if question(asked, its_end) == question(wire, end):
            return [replay.with_id(wire, asked)]
        refused = bytearray(asked[:its_end])
        refused[2:12] = b"\x81\x05\0\1" + bytes(6)
        return [bytes(refused)]

    return replay.exchange(client, upstream, query_for(wire, end), answers)


def candidates(path, every, build):
    """(answer, what dnsfw reads in it), of those with addresses."""
    wires = []
    for wire in replay.load(path, every):
        # With the header of a resolver's answer: QR, RD, RA.
        wire = wire[:2] + b"\x81\x80" + wire[4:]
        found = replay.question_of(wire)
        if found and found[1] in ADDRESSES and len(wire) <= 1232:
            wires.append(wire)
    frames = b"".join(len(w).to_bytes(4, "big") + w for w in wires)
    results = {}
    compare.run("dnsfw", build, frames, results)
    for wire, line in zip(wires, results["dnsfw"]):
        reading = compare.Reading(line)
        if reading.accepted and any(record[2] in ADDRESSES
                                    for record in reading.records):
            yield wire, reading


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path,
                        default=compare.HERE.parents[1] / "build")
    parser.add_argument("messages", type=pathlib.Path)
    args = parser.parse_args()
    exit_on_signals()
    counts = collections.Counter()
    wrong = []
    with Lab() as lab:
        upstream = replay.Upstream(lab.internet)
        start_unbound(lab)
        client = replay.Client(lab, False)
        for wire, reading in candidates(args.messages, args.every, args.build):
            asked, back = through(client, upstream, wire)
            if asked is None:
                counts["not asked for (unbound was discouraged)"] += 1
                continue
            addresses = used(back) if back else set()
            granted = set(reading.grants)
            counts["answers"] += 1
            counts["with addresses to grant"] += bool(granted)
            counts["unbound uses the same"] += bool(granted) and \
                addresses == granted
            counts["unbound uses fewer"] += addresses < granted
            if addresses - granted:
                wrong.append((wire.hex(), back.hex()))
    for what, n in sorted(counts.items()):
        print(f"{n:7} {what}")
    for pair in wrong[:replay.SHOWN]:
        print("WRONG", *pair, sep="\n    ")
    print(f"{len(wrong)} answers in which unbound uses more")
    return 1 if wrong or not counts["unbound uses the same"] else 0


if __name__ == "__main__":
    sys.exit(main())
