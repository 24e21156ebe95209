#!/usr/bin/python3
"""A client that asks, connects and resolves without a pause.

    asking.py FILE SERVER NAME SITE

While FILE is there it asks SERVER for the address of NAME, each few milliseconds
from a port of its own, as a resolver does: up to three times, a second apart.  It
connects to port 80 of SITE, without having asked for that, and resolves NAME as
programs do, by getaddrinfo().  Then it tells how that went, in words and a number
each.
"""

import pathlib
import select
import socket
import struct
import sys
import threading
import time

EACH = 0.005
PATIENCE = 1.0
TRIES = 3
NOERROR = 0


def message(name):
    """A query for an A record, but for the id."""
    labels = b"".join(bytes([len(one)]) + one.encode()
                      for one in name.split("."))
    return (struct.pack("!5H", 0x0100, 1, 0, 0, 0) + labels + b"\0" +
            struct.pack("!2H", 1, 1))


def is_answer(data, number):
    """Has it an address, in answer to the query with that id?"""
    if len(data) < 12:
        return False
    theirs, flags, _, answers = struct.unpack("!4H", data[:8])
    return theirs == number and flags & 0x800f == 0x8000 | NOERROR and \
        answers > 0


class Query:
    def __init__(self, server, number, body):
        self.number = number
        self.data = struct.pack("!H", number) + body
        self.begun = time.monotonic()
        self.tries = 0
        self.answered = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((server, 53))
        self.send()

    def send(self):
        self.tries += 1
        try:
            self.socket.send(self.data)
        except OSError:
            pass    # nobody is there: the next try is at its time, too

    def receive(self):
        try:
            self.answered = is_answer(self.socket.recv(4096), self.number)
        except OSError:
            pass

    def due(self):
        return self.begun + self.tries * PATIENCE


class Asker:
    """The queries; those that are over are in done."""

    def __init__(self, server, name):
        self.server = server
        self.body = message(name)
        self.done = []
        self.open = {}
        self.until = None    # no query began after that
        self.poll = select.epoll()

    def begin(self):
        query = Query(self.server, len(self.done) + len(self.open) & 0xffff,
                      self.body)
        self.open[query.socket.fileno()] = query
        self.poll.register(query.socket, select.EPOLLIN)

    def end(self, query):
        del self.open[query.socket.fileno()]
        query.socket.close()
        self.done.append(query)

    def turn(self, seconds):
        for number, _ in self.poll.poll(max(seconds, 0)):
            query = self.open[number]
            query.receive()
            if query.answered:
                self.end(query)
        now = time.monotonic()
        for query in [one for one in self.open.values() if one.due() <= now]:
            if query.tries == TRIES:
                self.end(query)
            else:
                query.send()

    def run(self, path):
        following = time.monotonic()
        while path.exists():
            if time.monotonic() >= following:
                self.begin()
                following += EACH
            self.turn(following - time.monotonic())
        self.until = time.monotonic()
        while self.open:
            self.turn(EACH)

    def gap(self):
        """The longest time, in ms, in which no first try was answered."""
        longest, since = 0, None
        for query in sorted(self.done, key=lambda one: one.begun):
            if query.answered and query.tries == 1:
                if since is not None:
                    longest = max(longest, query.begun - since)
                since = None
            elif since is None:
                since = query.begun
        if since is not None:
            longest = max(longest, self.until - since)
        return round(longest * 1000)

    def report(self):
        print("queries", len(self.done))
        for tries in range(1, TRIES + 1):
            print(f"answered at try {tries}",
                  sum(one.answered and one.tries == tries
                      for one in self.done))
        print("unanswered", sum(not one.answered for one in self.done))
        print("milliseconds without a first answer", self.gap())


class Repeater(threading.Thread):
    """What is done again and again, beside."""

    def __init__(self, what, action):
        super().__init__()
        self.what, self.action = what, action
        self.count = self.failed = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(2 * EACH):
            self.count += 1
            try:
                self.action()
            except OSError:
                self.failed += 1

    def report(self):
        self.over.set()
        self.join()
        print(self.what, self.count)
        print(f"{self.what} that failed", self.failed)


def main():
    path, (server, name, site) = pathlib.Path(sys.argv[1]), sys.argv[2:]
    asker = Asker(server, name)
    beside = [
        Repeater("connections", lambda: socket.create_connection(
            (site, 80), timeout=10).close()),
        Repeater("getaddrinfo", lambda: socket.getaddrinfo(
            name, 80, socket.AF_INET, socket.SOCK_STREAM))]
    for one in beside:
        one.start()
    asker.run(path)
    asker.report()
    for one in beside:
        one.report()


if __name__ == "__main__":
    main()
