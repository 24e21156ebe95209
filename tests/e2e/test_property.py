#!/usr/bin/python3
"""Random sequences: the kernel always has what the model has (G1-G10, A9).

In the suite a short run; for a long one run this file: see --help.
"""

import argparse
import concurrent.futures
import contextlib
import difflib
import itertools
import os
import pathlib
import random
import signal
import sys
import time

import dns.rcode
import dns.rdatatype
import pytest

from arguments import at_least
from ending import exit_on_signals
import firewall
import random_steps
from firewall_trouble import Trouble, skeleton
from lab import CLIENT4, READY, Lab, addresses_of
from model import LOOPBACK, SLACK, Model, Rule, decide, one_client
from process import until

STEPS = 150         # of the run in the suite
WITHIN = 1          # second, for everything (G10)
SUFFIXES = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


class Different(Exception):
    """The kernel or an answer is not as the model says."""


class Run:
    """One dnsfw in a lab of its own, and the model beside it."""

    def __init__(self, lab, backend, seed):
        self._lab = lab
        self._fw = lab.set_up_firewall(backend)
        self._trouble = Trouble(lab.gateway, backend)
        self._generations = itertools.count()
        self._threads = concurrent.futures.ThreadPoolExecutor(8)
        self._disturbed = 0
        first = random.Random(f"{seed} start")
        self.model = Model(random_steps.rules(first),
                           first.choice(random_steps.RULE_TIMES),
                           random_steps.hosts(first), random_steps.AWAY)
        self._acl = lab.write_acl("")
        self._write_acl(self.model.rules, self.model.hosts)
        lab.upstream        # is there before it is asked
        self._start(0)
        self._wait_for_generation()
        self._skeleton = skeleton(lab.gateway)
        self.counts = {}

    def close(self):
        self._threads.shutdown()

    # dnsfw.

    def _write_acl(self, rules, hosts):
        """With a name of its own, whose answer tells which list counts."""
        self._generation = next(self._generations) % 250
        new = self._acl.with_suffix(".new")
        new.write_text("".join(f"{line}\n" for one in (*hosts, *rules)
                               for line in one.lines()) +
                       f"{CLIENT4} -| generation.probe = "
                       f"192.0.2.{self._generation}\n", encoding="utf-8")
        new.rename(self._acl)

    def _start(self, boottime):
        argv = self._lab.dnsfw_argv("", "--min-rule-time",
                                    str(self.model.rule_time[0]),
                                    "--max-rule-time",
                                    str(self.model.rule_time[1]),
                                    fw=self._fw)
        pathlib.Path(argv[2]).unlink()
        argv[2] = str(self._acl)
        self.server = self._lab.start(
            ["unshare", "--time", "--boottime", str(boottime), *argv])
        self._lab.servers[:] = [self.server]
        self.server.err.wait_for(READY)

    def _wait_for_generation(self):
        def there():
            answer = self._lab.ask("generation.probe")
            return addresses_of(answer) == [f"192.0.2.{self._generation}"]
        until(there, what="the new list in the worker")
        # All that a subnet of a host could have has asked (U11).
        for client in random_steps.AWAY:
            self._lab.ask("generation.probe", client=client)

    # What is compared.

    def _look(self):
        begin = time.monotonic()
        entries = self._fw.entries()
        return self.model.differences(entries, begin, time.monotonic())

    def check(self, structure=False):
        """Within a second, the kernel has what the model has."""
        since = time.monotonic()
        while True:
            begin = time.monotonic()
            wrong = self._look()
            if not wrong and structure:
                found = skeleton(self._lab.gateway)
                if found != self._skeleton:
                    wrong = difflib.unified_diff(
                        self._skeleton.splitlines(), found.splitlines(),
                        "at the start", "now", lineterm="")
            if not wrong:
                return
            if begin > since + WITHIN:
                raise Different("\n".join(wrong))

    # Steps.

    def take(self, step):
        name = type(step).__name__
        if name == "Disturb":
            self.counts[step.how] = self.counts.get(step.how, 0) + 1
        self.counts[name] = self.counts.get(name, 0) + 1
        getattr(self, f"_{name.lower()}")(step)

    def _serve(self, query):
        """The upstream gives this answer from now on."""
        owners = [query.name] + [f"c{i}.{query.name}"
                                 for i in range(len(query.links))]
        records = [f"{owner}. {ttl} IN CNAME {target}." for owner, ttl, target
                   in zip(owners, query.links, owners[1:])]
        records += [f"{owners[-1]}. {ttl} IN {query.rdtype} {address}"
                    for address, ttl in query.addresses]
        self._lab.upstream.behave(query.name,
                                  lambda request: [request.reply(*records)])

    def _exchange(self, query):
        begin = time.monotonic()
        answer = self._lab.ask(query.name, query.rdtype, query.client)
        return answer, begin, time.monotonic()

    def _query(self, query):
        """Ask; after a disturbance SERVFAIL is right for a second (G10)."""
        while True:
            answer, begin, end = self._exchange(query)
            if answer.rcode() != dns.rcode.SERVFAIL or \
                    begin > self._disturbed + WITHIN:
                return answer, begin, end

    def _apart(self, queries):
        """Those whose grants are not another one's: one of each host."""
        seen = set()
        for query in queries:
            if query.client not in seen:
                seen |= one_client(self.model.hosts, query.client,
                                   random_steps.AWAY)
                yield query

    def _ask(self, step):
        queries = list(self._apart(step.queries))
        for query in queries:
            self._serve(query)
        results = self._threads.map(self._query, queries)
        for query, (answer, begin, end) in zip(queries, results):
            self._judge(query, answer, begin, end)
        self.check()

    def _judge(self, query, answer, begin, end):
        ports = decide(self.model.rules, query.client, query.name)
        if ports is None:
            if answer.rcode() != dns.rcode.REFUSED:
                raise Different(f"{query}: not refused: {answer}")
            return
        wanted = [address for address, _ in query.addresses]
        if answer.rcode() != 0 or \
                sorted(set(addresses_of(answer))) != sorted(set(wanted)):
            raise Different(f"{query}: {wanted} should be in {answer}")
        keys = self.model.answered(query.client, query.name, query.addresses,
                                   begin, end)
        if keys:
            self._judge_ttls(query, answer, keys, begin)

    def _judge_ttls(self, query, answer, keys, begin):
        """No TTL exceeds what its grant has left, a CNAME's none of all."""
        left = {}
        for key in keys:
            high = self.model.grants[key].high
            left[key[3]] = min(high, left.get(key[3], high))
        for rrset in answer.answer:
            ends = min((left[record.address] for record in rrset)
                       if rrset.rdtype != dns.rdatatype.CNAME
                       else left.values())
            if rrset.ttl > ends - begin + SLACK:
                raise Different(f"{query}: the TTL of {rrset} exceeds the "
                                f"grant's {ends - begin:.2f} s")

    def _connect(self, step):
        """A real connection agrees, if it is not a matter of moments."""
        client = None if step.client in LOOPBACK else step.client
        key = (client, step.proto.lower(), step.port, step.address)
        grant = self.model.grants.get(key)
        begin = time.monotonic()
        reached = self._lab.reaches(step.address, step.client, step.port,
                                    step.proto.lower())
        if grant is None or grant.kernel_high + SLACK < begin:
            wanted = False
        elif grant.kernel_low - SLACK > time.monotonic():
            wanted = True
        else:
            return
        if reached != wanted:
            raise Different(f"{step}: {reached}, but {grant}")

    def _reload(self, step):
        self.counts["entries"] = max(self.counts.get("entries", 0),
                                     len(self.model.grants))
        self._trouble.save()
        self._write_acl(step.rules, step.hosts)
        seen = len(self.server.err.lines)
        self.server.signal(signal.SIGHUP)
        self.server.err.wait_for("the ACL was reloaded", start=seen)
        self.model.reloaded(step.rules, time.monotonic(), step.hosts)
        self._wait_for_generation()
        self.check(structure=True)

    def _disturb(self, step):
        begin = time.monotonic()
        flushed = self._trouble.do(step.how, step.choice)
        self._disturbed = time.monotonic()
        self.model.disturbed(begin, self._disturbed + WITHIN,
                             self._fw.name == "iptables")
        if step.how in ("flush set", "flush sets", "destroy sets") and \
                self._fw.name == "iptables":
            self._may_be_unnoticed(flushed if step.how == "flush set" else "")
        self.check(structure=True)

    def _may_be_unnoticed(self, name):
        """Of a set that only has entries that end just now.

        ipset sends no events, and to miss an entry that ends is no event.
        """
        now = time.monotonic()
        for family, local in itertools.product("46", (False, True)):
            keys = [key for key in self.model.grants
                    if (":" in key[3]) == (family == "6") and
                    (key[0] is None) == local]
            one = f"DNSFW-ipv{family}-allow{'-local' if local else ''}"
            if name in ("", one) and all(
                    self.model.grants[key].low < now + 3 for key in keys):
                for key in keys:
                    self.model.may_end(key, now)

    def _outage(self, step):
        """The chain is gone: no answer with a grant until it is back."""
        seen = len(self.server.err.lines)
        disturbed = time.monotonic()
        self._trouble.take_down(step.families)
        self.server.err.wait_for(r"ERROR.*our chain.* gone", start=seen)
        for query in step.queries:
            self._serve(query)
            answer, begin, end = self._exchange(query)
            family = "6" if query.rdtype == "AAAA" else "4"
            needs = self.model.wanted(query.client, query.name, [
                address for address, _ in query.addresses])
            if needs and family in step.families:
                if answer.rcode() != dns.rcode.SERVFAIL:
                    raise Different(f"{query}: without a chain: {answer}")
            else:
                self._judge(query, answer, begin, end)
        self._trouble.restore(step.families)
        self._disturbed = time.monotonic()
        self.model.disturbed(disturbed, self._disturbed + WITHIN,
                             self._fw.name == "iptables")
        self.check(structure=True)

    def _restart(self, step):
        server = self.server
        victim = None
        if step.victim != "stop":
            victim = server.pid if step.victim == "keeper" else \
                server.those(step.victim)[0]
        if victim:
            os.kill(victim, signal.SIGKILL)
        else:
            server.signal(signal.SIGTERM)
        server.wait_exit()
        server.err.wait_end()
        # Its workers have that one, and the ports.
        server.out.wait_end()
        assert "Sanitizer" not in str(server.err)
        self.model.rule_time = step.rule_time
        rules, hosts = (step.rules, step.hosts) if step.rules else (
            self.model.rules, self.model.hosts)
        self._write_acl(rules, hosts)
        self._start(step.boottime)
        now = time.monotonic()
        self.model.restarted(step.rule_time, now,
                             self._fw.name == "iptables")
        self.model.reloaded(rules, now, hosts)
        self._wait_for_generation()
        self.check(structure=True)

    def _watch(self, step):
        """Time passes, and entries end when they should."""
        end = time.monotonic() + step.seconds
        while time.monotonic() < end:
            self.check()


def play(backend, seed, steps, progress=None):
    """Take the steps; returns None, or the number of the bad one and why."""
    with Lab() as lab, contextlib.closing(Run(lab, backend, seed)) as run:
        for number, step in enumerate(steps):
            if progress:
                progress(number, run)
            try:
                run.take(step)
            except (Different, AssertionError, TimeoutError,
                    ProcessLookupError) as why:
                log = "\n".join(run.server.err.lines[-20:])
                return number, f"{type(why).__name__}: {why}\n{log}"
        if progress:
            progress(len(steps), run)
    return None


def shrunk(backend, seed, steps, number):
    """The shortest of some ends of the sequence that fails as well."""
    for length in SUFFIXES:
        some = steps[max(0, number + 1 - length):number + 1]
        failure = play(backend, seed, some)
        if failure:
            return some[:failure[0] + 1], failure[1]
        if length > number:
            break
    return None


def sequence(backend, seed, count):
    source = random.Random(f"{seed} {backend}")
    return [random_steps.step(source, backend) for _ in range(count)]


def report(backend, seed, steps, failure):
    number, why = failure
    lines = [f"{backend}, seed {seed}, step {number + 1}: {why}"]
    shorter = shrunk(backend, seed, steps, number)
    if shorter:
        steps, why = shorter
        lines.append(f"shrunk to {len(steps)} steps: {why}")
    else:
        steps = steps[max(0, number - 20):number + 1]
        lines.append("its last steps:")
    return "\n".join(lines + [f"  {step}" for step in steps])


@pytest.mark.long
@pytest.mark.parametrize("backend", sorted(firewall.BACKENDS))
def test_G2_G3_G9_G10_A9_the_kernel_has_what_the_model_has(backend):
    seed = int(os.environ.get("DNSFW_PROPERTY_SEED") or
               random.SystemRandom().randrange(2 ** 32))
    print(f"DNSFW_PROPERTY_SEED={seed}")
    steps = sequence(backend, seed, STEPS)
    failure = play(backend, seed, steps)
    assert not failure, report(backend, seed, steps, failure)


@pytest.mark.parametrize("backend", sorted(firewall.BACKENDS))
def test_G15_an_entry_that_gets_another_name(backend):
    """One that ends at the same time; ipset's seconds are rounded up anew.

    Every look must be right here, at any part of a second.
    """
    names = random_steps.NAMES[:2]
    rules = tuple(Rule(f"{CLIENT4}/32", name, "->", (random_steps.PORTS[0],))
                  for name in names)
    with Lab() as lab, contextlib.closing(Run(lab, backend, 1)) as run:
        run.take(random_steps.Restart("stop", (1, 3600), rules, 0))
        for name in names:
            run.take(random_steps.Ask((random_steps.Query(
                CLIENT4, name, "A", (), (("10.78.7.1", 300),)),)))
        grant, = run.model.grants.values()
        # Most of a second is to be rounded up.
        until(lambda: 0.3 < (grant.high - time.monotonic()) % 1 < 0.6)
        run.take(random_steps.Reload(rules[1:]))
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert not run._look()


def main():
    exit_on_signals()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=sorted(firewall.BACKENDS),
                        default="nftables")
    parser.add_argument("--steps", type=at_least(1), default=1000)
    parser.add_argument("--seed", type=at_least(0),
                        default=random.SystemRandom().randrange(2 ** 32))
    args = parser.parse_args()
    print(f"{args.backend}, seed {args.seed}, {args.steps} steps", flush=True)
    began = time.monotonic()

    def progress(number, run):
        if number and number % 500 == 0 or number == args.steps:
            print(f"{number} steps, {time.monotonic() - began:.0f} s, "
                  f"{dict(sorted(run.counts.items()))}, at most "
                  f"{run.model.early:.2f} s early, {run.model.late:.2f} s "
                  "late", flush=True)

    steps = sequence(args.backend, args.seed, args.steps)
    failure = play(args.backend, args.seed, steps, progress)
    if failure:
        print(report(args.backend, args.seed, steps, failure))
        sys.exit(1)


if __name__ == "__main__":
    main()
