"""A small signed "internet": a root, three TLDs, and zones with aliases.

    www.example.com   CNAME shop.example.net CNAME edge.example.org
    short.example.com CNAME the same way, to a name with an IPv4 address only
    www.old.example.com, with a DNAME for old.example.com to new.example.net

bogus.example.com is a signed zone whose records were changed afterwards, and
plain.example.com is one without signatures.
"""

import subprocess

import dns.name

from lab import DNS4

WWW, SHORT, OTHER = "www.example.com", "short.example.com", "other.example.com"
BOGUS, PLAIN = "www.bogus.example.com", "www.plain.example.com"
SERVICE, POOL = "svc.example.com", "pool.example.net"   # by its HTTPS record
MOVED = "www.old.example.com"
SHOP, EDGE = "shop.example.net", "edge.example.org"
EDGE4, EDGE6, HINT4 = "10.78.1.1", "fd78::1", "10.78.1.2"
SHORT4, BOGUS4, PLAIN4 = "10.78.1.3", "10.78.1.4", "10.78.1.5"
POOL4, OTHER_SITE, MOVED4 = "10.78.1.6", "10.78.1.7", "10.78.1.8"

GLUE = f"ns.example.com. A {DNS4}"
ZONES = {
    "bogus.example.com.": f"www A {BOGUS4}",
    "plain.example.com.": f"www A {PLAIN4}",
    "example.com.": f"""
{GLUE}
www CNAME shop.example.net.
short CNAME short.example.net.
old DNAME new.example.net.
other A {OTHER_SITE}
svc HTTPS 1 pool.example.net.
bogus NS ns.example.com.
plain NS ns.example.com.
""",
    "example.net.": f"""
shop CNAME edge.example.org.
short CNAME short.example.org.
pool A {POOL4}
www.new A {MOVED4}
""",
    "example.org.": f"""
edge A {EDGE4}
edge AAAA {EDGE6}
edge HTTPS 1 . alpn=h2 ipv4hint={HINT4}
short A {SHORT4}
""",
    "com.": f"example NS ns.example.com.\n{GLUE}",
    "net.": "example NS ns.example.com.",
    "org.": "example NS ns.example.com.",
    ".": "com NS ns.example.com.\nnet NS ns.example.com.\n"
         f"org NS ns.example.com.\n{GLUE}",
}
UNSIGNED = {"plain.example.com."}


def run(*argv, cwd):
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Signed:
    """The zones' files in a directory, signed from the leaves to the root."""

    def __init__(self, path):
        self.path = path
        path.chmod(0o755)
        for zone, text in ZONES.items():
            self._make(zone, text)

    def file(self, zone):
        return self.path / f"zone-{zone}"

    def _make(self, zone, text):
        below = [file.read_text() for file in self.path.glob("dsset-*")
                 if self._parent(file.name.removeprefix("dsset-")) == zone]
        raw = self.path / f"raw-{zone}"
        raw.write_text("\n".join([
            f"$ORIGIN {zone}", "$TTL 300",
            "@ SOA ns.example.com. root 1 3600 600 86400 60",
            "@ NS ns.example.com.", text, *below]) + "\n")
        if zone in UNSIGNED:
            self.file(zone).write_text(raw.read_text())
            return
        key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK",
                  zone, cwd=self.path).strip()
        run("dnssec-signzone", "-q", "-z", "-S", "-o", zone, "-f",
            self.file(zone), raw, key, cwd=self.path)
        if "bogus" in zone:
            self._forge(zone)
        if zone == ".":
            self._key = (self.path / f"{key}.key").read_text().split(
                "DNSKEY", 1)[1].split()

    def _forge(self, zone):
        """Other addresses under the same signatures."""
        file = self.file(zone)
        text = file.read_text()
        assert BOGUS4 in text
        file.write_text(text.replace(BOGUS4, OTHER_SITE))

    @staticmethod
    def _parent(zone):
        return dns.name.from_text(zone).parent().to_text()

    def anchors(self, kind):
        """The root's key as named and delv read it."""
        flags, protocol, algorithm, *key = self._key
        file = self.path / f"anchors-{kind}"
        file.write_text(f'trust-anchors {{ . {kind} {flags} {protocol} '
                        f'{algorithm} "{"".join(key)}"; }};\n')
        return file

    def anchor_record(self):
        """The same as a record in a file, for all others."""
        file = self.path / "root.key"
        file.write_text(f". 300 IN DNSKEY {' '.join(self._key)}\n")
        return file
