"""What a server must do with the names it is asked for."""

import dataclasses
import enum

import ground

# Of plan.h.
CLIENT_NAMES = 20
CLIENT_REFUSED = 4
CLIENTS = 50000


def name(number):
    return f"n{number:08x}.bench.test"


class Policy(enum.Enum):
    PLAIN = "forward all"
    GRANT = "forward all, and grant what is answered"
    BLOCK = "refuse the listed names"
    CLIENTS = "a list of rules for each client"
    RELOAD = "refuse the listed names, and reload the list"


@dataclasses.dataclass(frozen=True)
class Rules:
    """A policy, with its number of rules."""

    policy: Policy
    count: int = 1

    def blocked(self):
        """The names that are refused to everybody."""
        if self.policy in (Policy.BLOCK, Policy.RELOAD):
            return map(name, range(self.count))
        return []

    def acl(self, where):
        """The policy as an access control list; made once, then kept."""
        path = where / f"acl-{self.policy.name}-{self.count}"
        if not path.exists():
            with open(path, "w", encoding="ascii") as file:
                file.writelines(f"{line}\n" for line in self._lines())
            path.chmod(0o644)
        return path

    def _lines(self):
        if self.policy is Policy.GRANT:
            yield f"{ground.CLIENTS} -> *.bench.test:TCP:443"
        elif self.policy is Policy.CLIENTS:
            yield from self._client_lines()
        else:
            for blocked in self.blocked():
                yield f"{ground.CLIENTS} -| {blocked}"
            # And not "~> *", which with dns-firewall beats every block.
            yield f"{ground.CLIENTS} ~> *.bench.test"

    @staticmethod
    def _client_lines():
        """Most names are granted, some resolved only, the last refused."""
        for client in range(CLIENTS):
            address = client + 1
            address = f"10.9.{address >> 8}.{address & 255}"
            for own in range(CLIENT_NAMES):
                domain = name(client * CLIENT_NAMES + own)
                if own >= CLIENT_NAMES - CLIENT_REFUSED:
                    yield f"{address} -| {domain}"
                elif own % 4 == 3:
                    yield f"{address} ~> {domain}"
                else:
                    yield f"{address} -> {domain}:TCP:443"
