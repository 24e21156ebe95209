#!/usr/bin/python3 -IS
"""What a dnsfw-proxy in the wrong hands could say to the others.

test_helper.py puts it where dnsfw looks for the proxy, and beside it a
script.json: for each role the steps to take, or nothing to run the real proxy.
"""

import array
import fcntl
import itertools
import json
import os
import select
import socket
import struct
import sys

CHANNEL = 3
HELPER = 4      # of the compiler
RESULT = 5      # common/msg.h
RESULT_SIZE = 16


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "script.json"), encoding="ascii") as file:
        script = json.load(file)
    role = sys.argv[1]
    if role not in script["steps"]:
        os.execv(script["real"], ["dnsfw-proxy", *sys.argv[1:]])
    uid, gid = map(int, sys.argv[2:4])
    channel = socket.socket(fileno=CHANNEL)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    for verb, *args in script["steps"][role]:
        VERBS[verb](channel, *args)


def send(channel, record):
    channel.send(bytes.fromhex(record))


def order(_, record):
    """To the helper."""
    socket.socket(fileno=os.dup(HELPER)).send(bytes.fromhex(record))


def order_with_descriptor(_, record):
    send_with_descriptor(socket.socket(fileno=os.dup(HELPER)), record)


def send_with_descriptor(channel, record):
    """Any descriptor will do."""
    channel.sendmsg([bytes.fromhex(record)], [
        (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])


def send_image(channel, record, size, seals):
    memory = os.memfd_create("image", os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
    channel.sendmsg([bytes.fromhex(record)], [
        (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory]))])


def results(channel, count):
    """Print what comes, until that many results are there."""
    while count > 0:
        record = channel.recv(65536)
        if not record:
            sys.exit("end of file")
        if record[0] == RESULT:
            for at in range(0, len(record), RESULT_SIZE):
                print("RESULT", record[at:at + RESULT_SIZE].hex(), flush=True)
                count -= 1


def receive(channel, kind):
    """The next message, which must be of that type; a descriptor is closed."""
    record, descriptors, _, _ = socket.recv_fds(channel, 65536, 1)
    for descriptor in descriptors:
        os.close(descriptor)
    if not record or record[0] != kind:
        sys.exit(f"not a message of type {kind}: {record.hex()}")


def flood(channel, record, turn):
    """The grant for ever, in full records: other destinations, longer times.

    After turn records it is the first destinations' turn again.  What comes back
    is read beside it, as nobody is told more who does not read.
    """
    if os.fork() == 0:
        wait_for_end(channel)
        os._exit(0)
    one = bytearray.fromhex(record)
    for number in itertools.count():
        parts = []
        for i in range(64):
            one[8:12] = struct.pack("=I", 60 + number // turn * 40 % 80000)
            one[34:36] = struct.pack("!H", number % turn * 64 + i)
            parts.append(bytes(one))
        try:
            channel.send(b"".join(parts))
        except OSError:     # it has ended
            sys.exit(0)


def say(_, text):
    print(text, flush=True)


def wait_for_end(channel):
    while channel.recv(65536):
        pass


def close(channel):
    """Closed, but alive, until the keeper has ended."""
    parent = os.pidfd_open(os.getppid())
    channel.close()
    select.select([parent], [], [])
    sys.exit(0)


def end(_, status):
    sys.exit(status)


VERBS = {"order": order, "order_with_descriptor": order_with_descriptor,
         "send": send, "send_with_descriptor": send_with_descriptor,
         "send_image": send_image, "results": results, "say": say,
         "receive": receive, "flood": flood,
         "wait_for_end": wait_for_end, "close": close, "end": end}

main()
