"""What the kernel must have: grants by the specification, beside dnsfw.

Nothing here is known from dnsfw: decisions are A4's words, lifetimes are G2's
and G3's.  Times are seconds of time.monotonic().  When something ended or began
is known only within the moments around it, so every time is an interval.
"""

import ipaddress

# Seconds.  What the kernel's own clock (jiffies) and a batch may add.
SLACK = 0.05
GRACE = 15          # G3
NAMES = 4           # that a grant remembers (G15)
# A timeout that is put back is rounded up to whole seconds (never 0, which
# would be for ever), and one that ipset tells is rounded down; but what has
# less than UNTOLD left, it tells as 1.
ROUNDING = 1
UNTOLD = 2
RULE_TIME_MAX = 2147483     # what ipset can do
LOOPBACK = ("127.0.0.1", "::1")


class Rule:
    """One line of the list, for one subnet and pattern."""

    def __init__(self, subnet, pattern, arrow, ports=()):
        self.subnet = ipaddress.ip_network(subnet)
        self.pattern = pattern
        self.arrow = arrow
        self.ports = ports          # (protocol, port), only with "->"

    def lines(self):
        if self.arrow != "->":
            return [f"{self.subnet} {self.arrow} {self.pattern}"]
        return [f"{self.subnet} -> {self.pattern}:{proto}:{port}"
                for proto, port in self.ports]

    def matches(self, client, name):
        if client.version != self.subnet.version or \
                client not in self.subnet:
            return False
        if self.pattern.startswith("*."):
            return name.endswith(self.pattern[1:])
        return self.pattern in ("*", name)

    def rank(self):
        """The most specific one is the greatest (A4)."""
        return (self.subnet.prefixlen, self.pattern != "*",
                len(self.pattern.removeprefix("*.").split(".")),
                not self.pattern.startswith("*"))

    def __repr__(self):
        return "; ".join(self.lines())


class Host:
    """A group that is one machine (U11): its addresses, and subnets of which
    all addresses have asked that there are."""

    def __init__(self, name, members):
        self.name = name
        self.members = tuple(ipaddress.ip_network(one) for one in members)

    def lines(self):
        return [f"@{self.name} = host " + ", ".join(
            str(net if net.prefixlen < net.max_prefixlen
                else net.network_address) for net in self.members)]

    def has(self, client):
        return any(ipaddress.ip_address(client) in net for net in self.members)

    def __repr__(self):
        return "; ".join(self.lines())


def one_client(hosts, client, clients):
    """All of these that are one client with it, and itself."""
    return {client} | {other for host in hosts if host.has(client)
                       for other in clients if host.has(other)}


def decide(rules, client, name):
    """None if refused, else the protocols and ports that are granted."""
    client = ipaddress.ip_address(client)
    found = sorted((rule for rule in rules if rule.matches(client, name)),
                   key=Rule.rank, reverse=True)
    allowed, ports = False, set()
    for rule in found:
        if rule.arrow == "-|":
            break
        allowed = True
        ports.update(rule.ports)
    return ports if allowed else None


class Grant:
    """One entry: when it ends for dnsfw, and when for the kernel."""

    def __init__(self, low, high, label):
        self.low, self.high = low, high
        self.kernel_low, self.kernel_high = low, high
        self.promised_low, self.promised_high = low, high
        self.restarts = 0
        self.going = False      # perhaps, at any time
        self.labels = {label}
        self.names = {label: (low, high)}   # when each alone would end it
        self.vague = False      # it may know fewer names than these

    def named(self, label, low, high, least):
        """Another answer gave it by that name; a worker that knows of an end
        by this name which is not before least does not ask."""
        old = self.names.get(label)
        if old is not None and old[1] >= least:
            low = old[0]
        if old is not None:
            low, high = max(low, old[0]), max(high, old[1])
        self.names[label] = (low, high)

    def __repr__(self):
        return (f"ends {self.kernel_low:.2f}..{self.kernel_high:.2f}, "
                f"promised {self.promised_low:.2f}..{self.promised_high:.2f}, "
                f"{self.restarts} restarts, {' or '.join(self.labels)}")


class Model:
    def __init__(self, rules, rule_time, hosts=(), clients=()):
        """clients: those that there are, for what hosts have."""
        self.rules = rules
        self.hosts = hosts
        self.clients = clients
        self.rule_time = rule_time      # smallest and greatest
        self.grants = {}    # (client or None, proto, port, address): Grant
        self.reviewed = 0   # when the last review of all grants began
        self.unsettled = 0  # until then a listing may be of before a repair
        # The largest deviations from what was promised, in seconds.
        self.early = self.late = 0

    def lifetime(self, ttl):
        low, high = self.rule_time
        ttl = ttl if ttl < 2 ** 31 else 0       # RFC 2181 section 8
        return max(low, min(ttl, high))

    # What happens.

    def wanted(self, client, name, addresses):
        """What an answer with these addresses needs: for all of the client's
        host, each by its own rules, if who asked is granted a port (U11)."""
        keys = []
        if not decide(self.rules, client, name):
            return keys
        for one in one_client(self.hosts, client, self.clients):
            local = one in LOOPBACK
            keys += [(None if local else one, proto.lower(), port, address)
                     for proto, port in decide(self.rules, one, name) or ()
                     for address in addresses
                     if local or (":" in address) == (":" in one)]
        return keys

    def answered(self, client, name, addresses, begin, end):
        """addresses: (address, TTL) of the answer; the longest TTL counts."""
        lifetimes = {}
        for address, ttl in addresses:
            lifetimes[address] = max(self.lifetime(ttl),
                                     lifetimes.get(address, 0))
        keys = self.wanted(client, name, lifetimes)
        for key in keys:
            self._grant(key, name, lifetimes[key[3]], begin, end)
        return keys

    def _grant(self, key, label, lifetime, begin, end):
        grace = min(GRACE, self.rule_time[1] - lifetime)
        low = begin + lifetime + grace - SLACK
        high = end + lifetime + grace + SLACK
        old = self.grants.get(key)
        if old is None or old.high < begin:
            if old is None or old.kernel_high < begin:
                self.grants[key] = Grant(low, high, label)
                return
        old.names = {name: ends for name, ends in old.names.items()
                     if ends[1] > begin}
        # What lives long enough is not lengthened for another name.
        old.named(label, min(low, old.low) if
                  old.high >= begin + lifetime - SLACK else low, high,
                  begin + lifetime - SLACK)
        old.vague |= len(old.names) > NAMES
        if old.low >= end + lifetime + SLACK:       # G7: no call
            return
        if old.high < begin + lifetime - SLACK:
            new = Grant(max(low, old.low), max(high, old.high), label)
            new.promised_low = max(low, old.promised_low -
                                   ROUNDING * old.restarts)
            new.names, new.vague = old.names, old.vague
            self.grants[key] = new
            return
        # One of the two: it was a matter of milliseconds.
        old.labels.add(label)
        old.high = max(old.high, high)
        old.kernel_high = max(old.kernel_high, high)
        old.promised_high = max(old.promised_high, high)

    @staticmethod
    def _put_back(grant):
        grant.kernel_low = grant.low - SLACK
        grant.kernel_high = grant.high + ROUNDING + SLACK

    def disturbed(self, begin, repaired, rounded):
        """Somebody took entries away; they are put back, but for no longer
        than root allows by now.  repaired: when that is done.  rounded: what
        somebody put back himself may be short of a part of a second, which
        nobody can see."""
        self.unsettled = repaired
        longest = begin + self.rule_time[1] - SLACK
        for grant in self.grants.values():
            grant.low = min(grant.low, longest)
            grant.promised_low = min(grant.promised_low, longest)
            grant.names = {name: (min(low, longest), high)
                           for name, (low, high) in grant.names.items()}
            self._put_back(grant)
            if rounded:
                grant.kernel_low -= ROUNDING
                grant.promised_low -= ROUNDING

    def may_end(self, key, now):
        """The entry may go before its end."""
        grant = self.grants[key]
        grant.low = grant.kernel_low = grant.promised_low = now
        # None of its names holds it, should a later one go.
        grant.names = {name: (min(low, now), high)
                       for name, (low, high) in grant.names.items()}
        grant.going = True

    def restarted(self, rule_time, when, rounded):
        """dnsfw knows now what the kernel says.

        rounded: by ipset.  That an entry has 1 second left is all that it
        tells of one that has almost two, and of one that has almost none, and
        dnsfw can only take it at its word (G9).  So it lets go of the one
        while the kernel has it; and if somebody takes all away just then, it
        puts the other one back (G10) though it has ended meanwhile.
        """
        self.rule_time = rule_time
        self.reviewed = when
        for key, grant in self.grants.items():
            if rounded and grant.kernel_low < when + UNTOLD + SLACK:
                self.may_end(key, when)
            grant.low = grant.kernel_low - ROUNDING - SLACK
            grant.high = grant.kernel_high
            if rounded:
                grant.high = max(grant.high, when + ROUNDING + SLACK)
            grant.restarts += 1
            # The name that is its comment is all that is known of them.
            grant.names = {label: (grant.low, grant.high)
                           for label in grant.labels}
            grant.vague = len(grant.labels) > 1

    def reloaded(self, rules, when, hosts=()):
        """What the rules would not give by any name goes (A9, G15)."""
        self.rules = rules
        self.hosts = hosts
        self.reviewed = when
        for key, grant in list(self.grants.items()):
            gone = {name for name in set(grant.names) | grant.labels
                    if not self._gives(key, name)}
            kept = {name: ends for name, ends in grant.names.items()
                    if name not in gone and ends[1] > when}
            if not gone:
                continue
            if not kept and grant.low > when:
                del self.grants[key]
            elif not kept or grant.vague or \
                    max(low for low, _ in kept.values()) <= when:
                # Nobody has seen its label yet; or it has ended for dnsfw,
                # which then leaves the kernel's last second alone.
                self.may_end(key, when)
                grant.labels |= set(kept)
            else:
                self._shorten(grant, kept, grant.labels & gone)

    @staticmethod
    def _shorten(grant, kept, renamed):
        """It lives as long as the names that still give it.

        renamed: perhaps it had the label of one that does not.  Then it was
        written anew, which rounds it up also if its end is the same.
        """
        low = max(low for low, _ in kept.values())
        high = max(high for _, high in kept.values())
        latest = high + ROUNDING + SLACK
        grant.names = kept
        grant.labels = set(kept)
        grant.low = min(grant.low, low)
        grant.high = min(grant.high, high)
        grant.kernel_low = min(grant.kernel_low, low - SLACK)
        grant.kernel_high = latest if renamed else min(grant.kernel_high,
                                                       latest)
        grant.promised_low = min(grant.promised_low, low)

    def _gives(self, key, label):
        client, proto, port, _ = key
        return any((proto.upper(), port) in
                   (decide(self.rules, one, label) or ())
                   for one in ([client] if client else LOOPBACK))

    # What the kernel has.

    def differences(self, entries, begin, end):
        """entries were listed between begin and end; [] if all is right.

        Then the model knows more exactly when entries end.
        """
        wrong = []
        seen = {}
        for entry in entries:
            key = tuple(entry[:4])
            if key in seen:
                wrong.append(f"twice: {key}")
            seen[key] = entry
        for key, grant in list(self.grants.items()):
            if max(grant.high, grant.kernel_high) < begin - SLACK and \
                    key not in seen:
                del self.grants[key]
            elif key not in seen and grant.kernel_low > end + SLACK:
                wrong.append(f"missing: {key} {grant}, now {end:.2f}")
        told = []
        for key, entry in seen.items():
            if key not in self.grants:
                wrong.append(f"too much: {entry}")
                continue
            told.append((self.grants[key], entry))
            wrong += self._compare(self.grants[key], entry, begin, end)
        # Else it may be what somebody put back, and dnsfw has yet to shorten.
        if not wrong and begin > self.unsettled:
            for grant, entry in told:
                self._learn(grant, entry, begin, end)
        return wrong

    @staticmethod
    def _ends(entry, begin, end):
        """The listed whole seconds are rounded down, but 0 to 1 by ipset."""
        at_least = 0 if entry.timeout == 1 else entry.timeout
        return (begin + at_least - SLACK, end + entry.timeout + 1 + SLACK)

    def _compare(self, grant, entry, begin, end):
        low, high = self._ends(entry, begin, end)
        wrong = []
        if high < grant.kernel_low or low > grant.kernel_high:
            wrong.append("another time")
        drift = ROUNDING * grant.restarts + SLACK
        if high < grant.promised_low - drift:
            wrong.append("shortened (G2)")
        if low > grant.promised_high + ROUNDING + drift:
            wrong.append("too long (G3)")
        if (entry.comment or "").rstrip(".") not in grant.labels:
            wrong.append("another name")
        return [f"{' and '.join(wrong)}: {entry}, listed at {begin:.2f}.."
                f"{end:.2f}, but {grant}"] if wrong else []

    def _learn(self, grant, entry, begin, end):
        low, high = self._ends(entry, begin, end)
        self.early = max(self.early, grant.promised_low - high)
        self.late = max(self.late, low - grant.promised_high)
        grant.kernel_high = min(grant.kernel_high, high)
        grant.labels = {(entry.comment or "").rstrip(".")}
        if grant.going:     # that it is there now says nothing of later
            return
        grant.kernel_low = max(grant.kernel_low, low)
        # The kernel's timeout is that of dnsfw, or the next second.
        grant.low = max(grant.low, grant.kernel_low - ROUNDING - SLACK)
        grant.high = min(grant.high, grant.kernel_high)
