"""Why dnsfw and its reference differ, as far as SPEC has a line for it."""

import itertools
import re

import dns.rdatatype

from policies import QUIRKS, decide
from world import FORBIDDEN, KERNEL_LONGEST

ADDRESSES = ("A", "AAAA")
SERVICES = ("HTTPS", "SVCB")
FREE_TEXT = ("!>", "<!")        # what follows is in words
UNEXPLAINED = "UNEXPLAINED"


class Case:
    """A query, and what each program made of it."""

    def __init__(self, query, ours, theirs):
        (self.client, self.name, self.rdtype, self.rdclass, self.opcode,
         self.tcp, self.edns) = query
        self.query = query
        self.ours = ours        # (Answer or None, lines)
        self.theirs = theirs

    @property
    def fqdn(self):
        return self.name + "."

    def __str__(self):
        parts = [" ".join(map(str, self.query))]
        for who, (answer, lines) in (("dnsfw", self.ours),
                                     ("reference", self.theirs)):
            told = ("silence" if answer is None else
                    f"{answer.rcode} {answer.records} {answer.ttls}")
            parts.append(f"    {who}: {told}; {lines}")
        return "\n".join(parts)


def arrow(lines):
    return lines[0][0].split()[1] if lines else ""


def predicted(verdict, case, services):
    """The arrow of the first line; services: HTTPS and SVCB can be granted."""
    wrong_opcode = case.opcode != "QUERY" and not verdict.every_kind
    if wrong_opcode and (verdict.allowed or not services):
        return "!>"
    if not verdict.allowed:
        return "!>" if services and verdict.local and (
            case.opcode != "QUERY" or case.rdclass != "IN") else "|>"
    if case.opcode != "QUERY" and services:
        return "~>"             # nothing can be granted
    if case.rdclass != "IN":
        return "~>" if verdict.every_kind or (
            verdict.every_type and not services) else "!>"
    if case.rdtype not in ADDRESSES + services:
        return "~>" if verdict.every_type else "!>"
    if verdict.ports:
        return "->"
    return "~>" if verdict.every_type else "!>"


def comparable(lines):
    """As the two must agree; what is in words is left out."""
    return [(head, "" if head.split()[1] in FREE_TEXT else rest)
            for head, rest in lines]


def grants(lines):
    """(name, address, protocol and port, TTL) of each."""
    found = []
    for head, rest in lines:
        if head.endswith("<-"):
            match = re.fullmatch(r" (\S+) \[(\S+)\]:(\S+) TTL:(\d+)", rest)
            assert match, rest
            found.append((match[1], match[2], match[3], int(match[4])))
    return found


def once(lines):
    """Each grant with its greatest TTL; an address may be there twice."""
    greatest, kept = {}, []
    for line in lines:
        key, _, ttl = line[1].partition(" TTL:")
        if ttl and key in greatest:
            greatest[key] = max(greatest[key], int(ttl))
            continue
        kept.append(line)
        if ttl:
            greatest[key] = int(ttl)
    return [(head, f"{key} TTL:{greatest[key]}" if ttl else rest)
            for head, rest in kept
            for key, _, ttl in [rest.partition(" TTL:")]]


def in_order(lines, wanted):
    """As in wanted, if the lines are the same ones."""
    return wanted if sorted(lines) == sorted(wanted) else lines


def no_grants(lines):
    """As if the answer had only been passed on."""
    kept = [line for line in lines if not line[0].endswith("<-")]
    if len(kept) < len(lines):
        kept.append((lines[-1][0].replace("<-", "<~"), ""))
    return kept


def verdict_classes(rules, case):
    """The quirks that make the difference, or None if there is none."""
    right = decide(rules, case.client, case.fqdn)
    theirs = decide(rules, case.client, case.fqdn, QUIRKS)
    if predicted(right, case, SERVICES) != arrow(case.ours[1]) or \
            predicted(theirs, case, ()) != arrow(case.theirs[1]):
        return [UNEXPLAINED]
    if right.meaning() == theirs.meaning():
        return None
    for size in (1, 2, 3):
        for some in itertools.combinations(sorted(QUIRKS), size):
            if decide(rules, case.client, case.fqdn,
                      frozenset(some)).meaning() == theirs.meaning():
                return list(some)
    raise AssertionError("the quirks together are the reference")


class Explainer:
    """Of one list of rules, and one run of the two.

    A line of the log may differ for several reasons: each is a change that
    makes dnsfw's line of the reference's, and all together must do it.
    """

    def __init__(self, rules, world, longest, firewall):
        self._rules = rules
        self._world = world
        self._longest = longest     # --max-rule-time, or None
        self._firewall = firewall

    def classes(self, case):
        """[] if there is no difference; UNEXPLAINED is one, too."""
        found = verdict_classes(self._rules, case)
        if found is not None:
            return found
        verdict = decide(self._rules, case.client, case.fqdn)
        special = self._special(case, verdict)
        if special:
            return [special if self._is_wanted(case, special)
                    else UNEXPLAINED]
        return self._answer_classes(case) + self._line_classes(case, verdict)

    def _special(self, case, verdict):
        """The line of SPEC for which answer and log are others."""
        kind = dns.rdatatype.from_text(case.rdtype)
        if verdict.local and not verdict.allowed:
            if case.opcode != "QUERY":
                return None
            if case.rdclass != "IN":
                return "A5, other classes"
            if case.rdtype not in ADDRESSES or \
                    (kind == dns.rdatatype.A) == (":" in verdict.local):
                return "D3"
        if case.rdtype in SERVICES and verdict.ports and \
                case.rdclass == "IN":
            return "G6"
        if verdict.ports and case.name.lower() in self._world.forbidden:
            return "G8"
        if case.opcode != "QUERY" and not verdict.every_kind and \
                not verdict.allowed:
            return "7, |> for a name that is refused, whatever the opcode"
        if case.rdclass != "IN" and not verdict.every_kind:
            return "A5, other classes"
        if self._too_long(case):
            return "G3, the kernel's longest"
        return None

    @staticmethod
    def _is_wanted(case, special):
        """Does dnsfw do what that line says?"""
        answer, lines = case.ours
        if answer is None:
            return False
        if special == "D3":
            return (answer.rcode, answer.records) == ("NOERROR", [])
        if special == "G8":
            return not any(address in itertools.chain(*FORBIDDEN.values())
                           for _, address, *_ in grants(lines))
        if special.startswith(("7,", "A5")):
            return (answer.rcode, answer.records) == ("REFUSED", [])
        return True

    def _too_long(self, case):
        """The reference hands ipset what it does not take."""
        mine = grants(case.ours[1])
        return bool(mine) and case.theirs[0] is not None and \
            case.theirs[0].rcode == "SERVFAIL" and not self._longest and any(
                ttl >= KERNEL_LONGEST for *_, ttl in mine)

    @staticmethod
    def _answer_classes(case):
        mine, theirs = case.ours[0], case.theirs[0]
        if mine is None or theirs is None:
            return [] if mine is theirs else [UNEXPLAINED]
        if (mine.rcode, mine.records) != (theirs.rcode, theirs.records):
            return [UNEXPLAINED]
        if mine.ttls == theirs.ttls:
            return []
        capped = grants(case.ours[1]) and all(
            one <= other for one, other in zip(mine.ttls, theirs.ttls))
        return ["G3, TTLs of the answer"] if capped else [UNEXPLAINED]

    def _line_classes(self, case, verdict):
        mine, theirs = comparable(case.ours[1]), comparable(case.theirs[1])
        found = []
        for one, change in self._changes(case, verdict):
            if mine == theirs:
                break
            changed = change(theirs)
            if changed != theirs:
                found.append(one)
                theirs = changed
        return found if mine == theirs else [UNEXPLAINED]

    def _changes(self, case, verdict):
        """(class, what makes dnsfw's lines of the reference's)"""
        name = f" {case.name.lower()}."
        ours = comparable(case.ours[1])
        theirs = decide(self._rules, case.client, case.fqdn, QUIRKS)
        if case.opcode != "QUERY":
            passed = case.theirs[0].rcode == "NOERROR"
            yield "7, no -> and <! for another opcode", lambda lines: [
                (head.replace("->", "~>").replace("<!", "<~")
                 if passed else head.replace("->", "~>"), rest)
                for head, rest in lines]
        yield "7, no blank behind <~ [ID]", lambda lines: [
            (head, rest.rstrip() if head.endswith("<~") else rest)
            for head, rest in lines]
        yield "7, the name behind ~> [ID]", lambda lines: [
            (head, name if head.endswith("~>") else rest)
            for head, rest in lines]
        yield "A2, the log is in lower case", lambda lines: [
            (head, re.sub(r"^ \S+", lambda match: match[0].lower(), rest))
            for head, rest in lines]
        yield "A6, a grant is logged once", once
        if verdict.ports != theirs.ports:
            yield "A1, the order of the ports", lambda lines: in_order(
                lines, ours)
        yield "G7, what is granted already is logged first", \
            lambda lines: in_order(lines, ours)
        if not self._firewall:
            yield "F3, nothing is granted without a firewall", no_grants
