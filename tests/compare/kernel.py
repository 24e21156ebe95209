"""What is in the kernel after the queries, and why it differs."""

import ipaddress

from explain import UNEXPLAINED, grants

SLACK = 3           # seconds
GRACE = 15
NUMBERS = {"TCP": "tcp", "UDP": "udp"}


def entry_of(client, address, target):
    """Set and entry, as ipset prints them."""
    proto, port = target.split(":")
    version = 6 if ":" in address else 4
    where = f"CHAIN-ipv{version}-allow"
    if ipaddress.ip_address(client).is_loopback:
        return f"{where}-local", f"{address},{NUMBERS[proto]}:{port}"
    return where, f"{client},{NUMBERS[proto]}:{port},{address}"


def logged(cases, which):
    """(set, entry): [(TTL, name)], in their order, by the access log."""
    found = {}
    for case in cases:
        _, lines = (case.ours, case.theirs)[which]
        for name, address, target, ttl in grants(lines):
            found.setdefault(entry_of(case.client, address, target),
                             []).append((ttl, name))
    return found


def is_mapped(name, entry):
    """The reference grants a loopback client an IPv4 address twice."""
    return name == "CHAIN-ipv6-allow-local" and entry.startswith("::ffff:")


def differences(rows, cases, seconds):
    """(class, text) of each."""
    (our_rules, our_sets), (their_rules, their_sets) = rows
    if our_rules != their_rules:
        yield UNEXPLAINED, f"rules: {our_rules} {their_rules}"
    if sorted(our_sets) != sorted(their_sets):
        yield UNEXPLAINED, f"sets: {sorted(our_sets)} {sorted(their_sets)}"
    granted = [logged(cases, which) for which in (0, 1)]
    for name in sorted(set(our_sets) & set(their_sets)):
        mine, theirs = our_sets[name], their_sets[name]
        if mine[0] != theirs[0]:
            yield UNEXPLAINED, f"{name}: {mine[0]} {theirs[0]}"
        for which, entries in enumerate((mine[1], theirs[1])):
            yield from against_log(name, entries, granted[which], seconds)
        for entry in mine[1].keys() & theirs[1].keys():
            yield from entry_classes(
                f"{name} {entry}", mine[1][entry], theirs[1][entry],
                granted[0].get((name, entry), []),
                granted[1].get((name, entry), []), seconds)


def against_log(name, entries, granted, seconds):
    """What a program has granted is there, and nothing else."""
    wanted = {entry: told for (where, entry), told in granted.items()
              if where == name}
    for entry in entries.keys() - wanted.keys():
        yield ("G8, the mapped form of IPv4" if is_mapped(name, entry)
               else UNEXPLAINED), f"{name}: {entry} is not in the log"
    for entry in wanted.keys() - entries.keys():
        if max(ttl for ttl, _ in wanted[entry]) > seconds + SLACK:
            yield UNEXPLAINED, f"{name}: {entry} is in the log alone"


def entry_classes(text, mine, theirs, our_log, their_log, seconds):
    """Two entries for the same."""
    text = f"{text}: dnsfw {mine} {our_log}, reference {theirs} {their_log}"
    if not our_log or not their_log:
        return                  # against_log has told
    last = their_log[-1][0]
    longest = max(ttl for ttl, _ in our_log)
    if not last - seconds - SLACK <= theirs[0] <= last or \
            not longest - seconds - SLACK <= mine[0] <= longest + GRACE:
        yield UNEXPLAINED, text
    elif mine[0] > theirs[0] + GRACE + SLACK:
        yield "G2", text
    elif mine[0] != theirs[0]:
        yield "G3, the grace", text
    yield from comment_classes(text, mine[1], theirs[1], our_log)


def comment_classes(text, mine, theirs, our_log):
    """Of the names in the comments."""
    if mine == theirs:
        return
    if mine == theirs.lower().rstrip("."):
        yield "DESIGN 2, the label has no final dot", text
    elif mine in (name.rstrip(".") for _, name in our_log):
        yield "G2, G7: the label is of who needs it longest", text
    else:
        yield UNEXPLAINED, f"comment: {text}"
