"""A client that holds servers to their cookies (RFC 7873)."""

import os
import socket

import dns.edns
import dns.message

from lab import CLIENT4, GATEWAY4

COOKIE = 10     # the option
SOON = 1        # second in which an answer is there


class Client:
    """A resolver that keeps RFC 7873 5.3.

    Once a server has sent a cookie, an answer without one, or with another
    client's, is not an answer.
    """

    def __init__(self, lab):
        self._lab = lab
        self._mine = os.urandom(8)
        self.theirs = b""

    def ask(self, name):
        """The answer, or None if none that counts came."""
        query = dns.message.make_query(
            name, "A", use_edns=0, options=[dns.edns.GenericOption(
                COOKIE, self._mine + self.theirs)])
        with self._lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
            sock.settimeout(SOON)
            sock.connect((GATEWAY4, 53))
            sock.send(query.to_wire())
            try:
                while True:
                    answer = dns.message.from_wire(sock.recv(65535))
                    if query.is_response(answer) and self._counts(answer):
                        return answer
            except TimeoutError:
                return None

    def _counts(self, answer):
        found = [option.data for option in answer.options
                 if option.otype == COOKIE]
        if not found:
            return not self.theirs
        if len(found[0]) < 16 or not found[0].startswith(self._mine):
            return False
        self.theirs = found[0][8:]
        return True
