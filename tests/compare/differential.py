#!/usr/bin/python3
"""dnsfw beside its reference, dns-firewall 1.2, with lists from a seed.

    differential.py --reference FILE [--lists N] [--queries N] [--lines N]
                    [--seed N] [--show CLASS]

Both get the same lists and queries, and have the same upstream.  What is
compared: which lists they take; code, answer section, and access log of every
query; and what the kernel holds in the end.  A difference counts for the line
of SPEC that wants it.  Fails if there is one that no line wants.  Needs root.
"""

import argparse
import collections
import pathlib
import random
import sys
import time

import dns.flags
import dns.message
import dns.opcode

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from arguments import at_least                          # noqa: E402
from ending import exit_on_signals                      # noqa: E402
from explain import UNEXPLAINED, Case, Explainer        # noqa: E402
import kernel                                           # noqa: E402
from policies import (CASE, MASK, QUIRKS, ZONES, Policies,   # noqa: E402
                      conflicts)
from reference import version_of                        # noqa: E402
import spellings                                        # noqa: E402
from sidebyside import Answer, SideBySide               # noqa: E402
from world import World                                 # noqa: E402

SHOWN = 10      # unexplained differences in full


class Run:
    """Counts; the worst of it is printed at once."""

    def __init__(self, args):
        self.args = args
        self.rng = random.Random(args.seed)
        self.world = World(self.rng, ZONES)
        self.policies = Policies(self.rng, self.world.names)
        self.classes = collections.Counter()
        self.counts = collections.Counter()

    def note(self, classes, text):
        for one in set(classes):
            self.classes[one] += 1
            if one == UNEXPLAINED and self.classes[one] <= SHOWN or \
                    one in self.args.show:
                print(f"{one}: {text}", flush=True)

    def list_of_rules(self, number):
        """One list: is it taken, and what comes of its queries."""
        family = 6 if number % 4 == 3 else 4
        rules = self.policies.rules(family)
        with SideBySide(self.args.reference, self.world.prepare) as both:
            rules = self._settle(both, family, rules)
            lines = [rule.line(self.rng) for rule in rules]
            firewall = number % 10 != 9
            options = self._options()
            acl = both.write_acl(lines)
            for program in both.both:
                if not program.start(acl, family, options, firewall):
                    self.note([UNEXPLAINED], f"{program.name} does not "
                              f"start: {program.process.err}\n{lines}")
                    return
            self._ask_all(both, family, rules, options, firewall)

    def _options(self):
        options = {"min-rule-time": self.rng.choice(("60", "100", "600"))}
        if self.rng.random() < 0.5:
            options["max-rule-time"] = self.rng.choice(("600", "1000",
                                                        "86400"))
        return options

    def _settle(self, both, family, rules):
        """Without the rules that contradict others, after both were asked."""
        mine, theirs = conflicts(rules), conflicts(rules, QUIRKS)
        acl = both.write_acl(rule.line(self.rng) for rule in rules)
        taken = []
        for program in both.both:
            taken.append(program.start(acl, family, {}, firewall=False))
            program.process.stop()
        self.counts["lists"] += 1
        self.counts["lists refused by dnsfw"] += not taken[0]
        if taken != [not mine, not theirs]:
            self.note([UNEXPLAINED], f"taken by dnsfw, reference: {taken}, "
                      f"contradictions: {mine}, {theirs}: {rules}")
        elif taken[0] != taken[1]:
            quirks = [one for one in sorted(QUIRKS)
                      if len(conflicts(rules, {one})) != len(mine)]
            self.note([f"A6 with {one}" for one in quirks], rules)
        else:
            self.counts["lists treated alike"] += 1
        return self._harmonious(rules)

    @staticmethod
    def _harmonious(rules):
        for quirks in (frozenset(), {CASE}, {MASK}, QUIRKS):
            wrong = set(conflicts(rules, quirks))
            rules = [rule for number, rule in enumerate(rules)
                     if number not in wrong]
        return rules

    def _ask_all(self, both, family, rules, options, firewall):
        began = time.monotonic()
        asked = []
        numbers = self.rng.sample(range(65536), self.args.queries)
        for number in numbers:
            query = self.policies.query(family)
            wire = self._wire(number, query)
            got = [program.ask(family, query[0], wire, query[5])
                   for program in both.both]
            asked.append((number, query, [
                answer and Answer(answer) for answer in got]))
        rows = [(program.rules(), program.sets()) for program in both.both]
        seconds = time.monotonic() - began
        logs = [program.stop() for program in both.both]
        explainer = Explainer(rules, self.world,
                              options.get("max-rule-time"), firewall)
        cases = [Case(query, *zip(answers, (log.get(number, [])
                                            for log in logs)))
                 for number, query, answers in asked]
        for case in cases:
            self._count(explainer.classes(case), case, rules)
        if firewall:
            for one, text in kernel.differences(rows, cases, seconds):
                self.note([one], text)

    def _count(self, classes, case, rules):
        self.counts["queries"] += 1
        self.counts["queries treated alike"] += not classes
        text = str(case)
        if UNEXPLAINED in classes:
            text += "".join(f"\n    {rule}" for rule in rules
                            if rule.matches(case.fqdn, frozenset()))
        self.note(classes, text)

    @staticmethod
    def _wire(number, query):
        _, name, rdtype, rdclass, opcode, _, edns = query
        message = dns.message.make_query(name, rdtype, rdclass,
                                         use_edns=0 if edns else False)
        message.id = number
        message.set_opcode(dns.opcode.from_text(opcode))
        return message.to_wire()


    def spellings(self):
        """Odd lines and options: who takes them?"""
        with SideBySide(self.args.reference, self.world.prepare) as both:
            lines = [spellings.mutated(
                self.rng, self.policies.rule(4 + 2 * (number % 2)).line(
                    self.rng)) for number in range(self.args.lines)]
            for what, results in (
                    ("lines", spellings.of_lines(both, lines)),
                    ("options", spellings.of_options(both))):
                for one, text in results:
                    self.counts[what] += 1
                    self.counts[f"{what} treated alike"] += one is None
                    if one:
                        self.note([one], text)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.
        RawDescriptionHelpFormatter)
    parser.add_argument("--reference", metavar="FILE", type=pathlib.Path,
                        required=True)
    parser.add_argument("--lists", metavar="N", type=at_least(0), default=100)
    parser.add_argument("--queries", metavar="N", type=at_least(0, 65536),
                        default=60, help="with each list")
    parser.add_argument("--lines", metavar="N", type=at_least(0), default=1000,
                        help="odd ones, which are taken or not")
    parser.add_argument("--seed", metavar="N", type=at_least(0), default=1)
    parser.add_argument("--show", metavar="CLASS", action="append",
                        default=[], help="print these differences, too")
    args = parser.parse_args()
    args.reference = args.reference.resolve()
    version_of(args.reference)
    return args


def main():
    args = arguments()
    exit_on_signals()
    run = Run(args)
    run.spellings()
    for number in range(args.lists):
        run.list_of_rules(number)
    for name, count in run.counts.items():
        print(f"{count:7} {name}")
    print("Differences:")
    for name, count in sorted(run.classes.items()):
        print(f"{count:7} {name}")
    return 1 if run.classes[UNEXPLAINED] else 0


if __name__ == "__main__":
    sys.exit(main())
