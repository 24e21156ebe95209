"""Addresses that are never granted (G8), of all kinds, and others.

What is forbidden is decided here with Python's ipaddress, and not with dnsfw's
lists: the networks, the forms of IPv6 that embed an address of these, and what
the gateway has itself.
"""

import ipaddress

A, AAAA, SVCB, HTTPS = 1, 28, 64, 65

# The gateway's address towards the internet, as from a provider.
OWN4 = ipaddress.ip_interface("45.45.45.1/24")
OWN6 = ipaddress.ip_interface("2a0f:4545::1/64")

RANGES4 = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
           "240.0.0.0/4")
RANGES6 = ("::/128", "::1/128", "fe80::/10", "ff00::/8")
NETS = {4: [ipaddress.ip_network(text) for text in RANGES4],
        6: [ipaddress.ip_network(text) for text in RANGES6]}
# Octets of an IPv6 address, if it begins so, that are an IPv4 address.
EMBEDDED = [(ipaddress.ip_network(net), start, flip) for net, start, flip in (
    ("::/96", 12, 0), ("::ffff:0:0/96", 12, 0), ("64:ff9b::/96", 12, 0),
    ("64:ff9b:1::/96", 12, 0), ("2002::/16", 2, 0), ("2001::/32", 4, 0),
    ("2001::/32", 12, 0xff))]
OWN = {OWN4.ip, OWN4.network.broadcast_address, OWN6.ip}


def forbidden(packed):
    """Is the address, 4 or 16 octets, never granted?"""
    address = ipaddress.ip_address(packed)
    if address in OWN or any(address in net for net in NETS[address.version]):
        return True
    return address.version == 6 and any(
        forbidden(bytes(octet ^ flip for octet in packed[start:start + 4]))
        for net, start, flip in EMBEDDED if address in net)


def inside(rng, text):
    """A random address of the network."""
    net = ipaddress.ip_network(text)
    return net[rng.randrange(net.num_addresses)].packed


def bad4(rng):
    return inside(rng, rng.choice(RANGES4))


def public4(rng):
    """None of the special networks of RFC 6890."""
    return bytes([rng.choice((5, 23, 34, 52, 77, 93, 142, 185, 212)),
                  rng.randrange(256), rng.randrange(256),
                  rng.randrange(1, 255)])


def public6(rng):
    return (bytes([rng.choice((0x24, 0x26, 0x2a)), rng.randrange(1, 15)]) +
            rng.randbytes(14))


def teredo(rng, server, client):
    return (b"\x20\x01\0\0" + server + b"\x80\0" + rng.randbytes(2) +
            bytes(octet ^ 0xff for octet in client))


FORMS = {
    "::ffff:a.b.c.d": lambda rng, v4: bytes(10) + b"\xff\xff" + v4,
    "::a.b.c.d": lambda rng, v4: bytes(12) + v4,
    "64:ff9b::a.b.c.d (NAT64)":
        lambda rng, v4: b"\0\x64\xff\x9b" + bytes(8) + v4,
    "64:ff9b:1::a.b.c.d (local NAT64)":
        lambda rng, v4: b"\0\x64\xff\x9b\0\1" + bytes(6) + v4,
    "2002:a.b.c.d:: (6to4)":
        lambda rng, v4: b"\x20\2" + v4 + rng.randbytes(10),
    "Teredo, of the server":
        lambda rng, v4: teredo(rng, v4, public4(rng)),
    "Teredo, of the client":
        lambda rng, v4: teredo(rng, public4(rng), v4),
}


def own4(rng):
    return rng.choice((OWN4.ip, OWN4.network.broadcast_address)).packed


def own6(rng):
    if rng.random() < 0.5:
        return OWN6.ip.packed
    return rng.choice(list(FORMS.values()))(rng, own4(rng))


# Kinds of the gateway's own addresses.
OWN_KINDS = {
    "A, the gateway's own or its network's broadcast": (A, own4),
    "AAAA, the gateway's own": (AAAA, lambda rng: OWN6.ip.packed),
    "AAAA with the gateway's own IPv4 address in it":
        (AAAA, lambda rng: rng.choice(list(FORMS.values()))(rng, own4(rng))),
    "HTTPS, the gateway's own as ipv4hint": (HTTPS, own4),
    "HTTPS, the gateway's own as ipv6hint": (HTTPS, own6)}
# In the additional section, under another name than that of the question.
ADDITIONAL_KINDS = {
    "A in the additional section alone": (A, bad4),
    "A, the gateway's own, in the additional section alone": (A, own4)}
# All kinds; each is a type and a function that makes an address.
KINDS = {f"A in {text}": (A, lambda rng, text=text: inside(rng, text))
         for text in RANGES4}
KINDS |= {
    "AAAA :: or ::1": (AAAA, lambda rng: inside(rng, "::/127")),
    "AAAA in fe80::/10": (AAAA, lambda rng: inside(rng, "fe80::/10")),
    "AAAA in ff00::/8": (AAAA, lambda rng: inside(rng, "ff00::/8"))}
KINDS |= {f"AAAA {name}":
          (AAAA, lambda rng, form=form: form(rng, bad4(rng)))
          for name, form in FORMS.items()}
KINDS |= {f"{name} {hint}": (rdtype, bad) for name, rdtype in
          (("HTTPS", HTTPS), ("SVCB", SVCB)) for hint, bad in
          (("ipv4hint", bad4), ("ipv6hint", None))}
KINDS |= ADDITIONAL_KINDS | OWN_KINDS


def bad6(rng):
    """Any of the IPv6 kinds but the gateway's own."""
    if rng.random() < 0.5:
        return inside(rng, rng.choice(RANGES6))
    return rng.choice(list(FORMS.values()))(rng, bad4(rng))


def bad_of(kind, rng):
    return (KINDS[kind][1] or bad6)(rng)


class Pool:
    """Good addresses, few enough that the kernel's sets can be read."""

    def __init__(self, rng):
        self._rng = rng
        self.v4 = [public4(rng) for _ in range(300)]
        self.v6 = [public6(rng) for _ in range(200)]
        for form in FORMS.values():
            self.v6 += [form(rng, public4(rng)) for _ in range(10)]
        if any(map(forbidden, self.v4 + self.v6)):
            raise AssertionError("a good address is forbidden")

    def some(self, rdtype, least, most):
        pool = self.v4 if rdtype == A else self.v6
        return self._rng.sample(pool, self._rng.randint(least, most))
