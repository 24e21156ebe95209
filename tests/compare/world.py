"""What the upstream of the differential run knows."""

FORBIDDEN = {"A": ("127.0.0.1", "169.254.7.7", "224.0.0.5", "0.0.0.0",
                   "10.8.0.1"),
             "AAAA": ("::1", "fe80::7", "ff02::1", "::ffff:127.0.0.1")}
KERNEL_LONGEST = 2147483        # seconds of an ipset entry
TTLS = (60, 300, 300, 3600, 0, 1, 86400, KERNEL_LONGEST, 2147483647)


def address(rng, rdtype):
    """Of few, so that names share them."""
    return (f"198.51.100.{rng.randrange(1, 30)}" if rdtype == "A" else
            f"2001:db8:5::{rng.randrange(1, 30):x}")


class World:
    """Names and their records, the same from the same seed."""

    def __init__(self, rng, zones):
        self.names = []
        self.records = []       # name, TTL, type, data
        self.forbidden = set()  # names with an address that is never granted
        self.failing = {}       # name: code
        plain = []
        for zone in zones:
            for label in ("www", "a", "b-1", "x_y", "n" * 63):
                plain.append(f"{label}.{zone}")
                self._addresses(rng, plain[-1], bad=rng.random() < 0.15)
            plain.append(zone)
            self._addresses(rng, zone, bad=False)
        self.names += plain
        for number in range(20):
            self._alias(rng, f"alias{number}.{rng.choice(zones)}", plain)
        self._chain(f"long.{zones[0]}")
        self._loop(zones)
        for number, rcode in enumerate((2, 3, 5, 4)):
            self.names.append(f"fails{number}.{zones[0]}")
            self.failing[self.names[-1]] = rcode

    def _addresses(self, rng, name, bad):
        for rdtype in ("A", "AAAA"):
            for _ in range(rng.choice((0, 1, 1, 2, 4))):
                self.records.append((name, rng.choice(TTLS), rdtype,
                                     address(rng, rdtype)))
            if bad:
                self.forbidden.add(name)
                self.records.append((name, 300, rdtype,
                                     rng.choice(FORBIDDEN[rdtype])))
        if rng.random() < 0.5:
            self.records.append((name, 300, "TXT", '"some text"'))
        if rng.random() < 0.4:
            self.records.append((name, 300, "HTTPS",
                                 f"1 . ipv4hint={address(rng, 'A')}"))

    def _alias(self, rng, name, targets):
        target = rng.choice(targets + self.names)
        self.names.append(name)
        self.records.append((name, rng.choice(TTLS), "CNAME", f"{target}."))
        if target in self.forbidden:
            self.forbidden.add(name)

    def _chain(self, name):
        """To an address, over many aliases."""
        chain = [f"c{number}.{name}" for number in range(8)]
        for owner, target in zip([name, *chain], chain):
            self.records.append((owner, 300, "CNAME", f"{target}."))
        self.records.append((chain[-1], 300, "A", "198.51.100.77"))
        self.names += [name, *chain]

    def _loop(self, zones):
        one, two = f"loop1.{zones[0]}", f"loop2.{zones[0]}"
        self.names += [one, two]
        self.records += [(one, 300, "CNAME", f"{two}."),
                         (two, 300, "CNAME", f"{one}.")]

    def prepare(self, upstream):
        for name, ttl, rdtype, data in self.records:
            upstream.add(name, ttl, rdtype, data)
        for name, rcode in self.failing.items():
            upstream.behave(name, lambda request, rcode=rcode:
                            [request.reply(rcode=rcode)])
