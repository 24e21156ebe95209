"""What a step of a scenario wants, compared with what came of it."""

import re
import time

import scenario_query
from process import until

SLACK = 3       # seconds that a timeout may have run down when it is read
LOG_DEADLINE = 3    # seconds for a line that is wanted

# Extended DNS Errors, RFC 8914.  Several fit where the specification does not
# name one.
BLOCKED = {15, 17, 18}          # Blocked, Filtered, Prohibited
FORGED = {4, 15, 17}            # Forged Answer, Blocked, Filtered
UNFIT = {15, 17, 18, 21}        # ... and Not Supported
ADDRESS = re.compile(r"[0-9]+\.[0-9.]+|[0-9a-f:]*:[0-9a-f:]+")


class Wants:
    """The lines of a step; its check() returns what differs."""

    def __init__(self, world, case, lines):
        self.world = world
        self.case = case
        self.lines = lines
        self.wrong = []
        self.grants = {}        # as World.entries -> TTL or None
        self.label = {}         # the same -> name
        self.log = []           # (client or None, pattern)
        self.log_checked = False
        self.entries_checked = True
        self.before = world.entries()
        self.warned_before = len(world.server.err.lines)
        self.asked_before = len(world.upstream.received)

    @property
    def nothing(self):
        """No answer is wanted."""
        return any((line.verb, line.rest) == ("get", "nothing")
                   for line in self.lines)

    @property
    def asked(self):
        """What the upstream has received for this step."""
        return self.world.upstream.received[self.asked_before:]

    def differs(self, line, text):
        number = line if isinstance(line, int) else line.number
        self.wrong.append(f"  line {number}: {text}")

    def equal(self, line, what, got, wanted):
        if got != wanted:
            self.differs(line, f"{what}: {got}, wanted {wanted}")

    def check(self, queries, answers):
        after = self.world.entries()
        for query, answer in zip(queries, answers):
            self._check_message(query, answer)
        # A query without a good answer has been reported.
        if not self.wrong:
            for line in self.lines:
                verb = line.verb.replace("-", "_")
                getattr(self, f"_want_{verb}")(line, queries, answers)
        if self.entries_checked:
            self._check_entries(after)
        if self.log_checked:
            for query in queries:
                self._check_log(query)
        return self.wrong

    # What holds for each answer.

    def _check_message(self, query, answer):
        line = query.line
        ended = any(line.verb == "get" and line.rest in ("nothing", "close")
                    for line in self.lines)
        if answer is None or ended:
            if (answer is None) != ended:
                self.differs(line, f"the answer: {answer}")
            return
        sent = query.wire[2] << 8 | query.wire[3]
        self.equal(line, "id", answer.id, int.from_bytes(query.wire[:2],
                                                         "big"))
        self.equal(line, "QR and opcode", answer.flags & 0xf800,
                   sent & 0x7800 | 0x8000)
        if answer.questions or query.name is not None:
            self.equal(line, "question", answer.question, query.question)
        if answer.message is None and not self._is_as_sent():
            self.differs(line, f"the answer: {answer.error}")

    def _is_as_sent(self):
        return any((line.verb, line.rest) == ("get", "as-sent")
                   for line in self.lines)

    def _check_own(self, line, query, answer, codes, text=""):
        """An answer that dnsfw made (D2)."""
        flags = answer.flag_names
        self.equal(line, "RD", "rd" in flags, bool(query.wire[2] & 1))
        self.equal(line, "RA, AA, TC", flags & {"ra", "aa", "tc"}, {"ra"})
        self.equal(line, "OPT", answer.message.edns >= 0, query.edns)
        if query.edns:
            self._check_error(line, answer, codes, text)

    def _check_error(self, line, answer, codes, text):
        errors = answer.errors
        if len(errors) != 1 or errors[0][0] not in codes or not re.search(
                text, errors[0][1], re.IGNORECASE):
            self.differs(line, f"EDE: {errors}, wanted {sorted(codes)} "
                         f"with {text!r}")

    # The kernel and the log.

    def _check_entries(self, after):
        line = self.lines[0]
        for key in self.grants.keys() - after.keys():
            self.differs(line, f"no entry {key}")
        for key in after.keys() - self.before.keys() - self.grants.keys():
            self.differs(line, f"the entry {key} is too much")
        for key in self.grants.keys() & after.keys():
            self._check_entry(line, key, after[key])

    def _check_entry(self, line, key, entry):
        ttl = self.grants[key]
        if ttl is not None:
            wanted = self.world.lifetime(ttl) + self.world.grace(ttl)
            if not wanted - SLACK <= entry.timeout <= wanted:
                self.differs(line, f"{key}: {entry.timeout} s left, "
                             f"wanted {wanted}")
        # Who came first, or has the greater TTL, gives the name.
        name = key not in self.before and self.label.get(key)
        if name and re.fullmatch(r"[a-z0-9._-]{1,120}", name):
            self.equal(line, f"comment of {key}",
                       (entry.comment or "").rstrip("."), name.rstrip("."))

    def _check_log(self, query):
        wanted = [pattern for client, pattern in self.log
                  if client in (None, query.client)]
        end = time.monotonic() + LOG_DEADLINE
        until(lambda: len(self.world.log_of(query)) >= len(wanted) or
              time.monotonic() > end)
        self.world.log_wanted[query.id] = len(wanted)
        lines = self.world.log_of(query)
        left = list(lines)
        prefix = f"{re.escape(query.client)} (..) \\[{query.id}\\]"
        for number, pattern in enumerate(wanted):
            kind, _, rest = pattern.partition(" ")
            match = [one for one in left if re.fullmatch(
                f"{prefix.replace('(..)', re.escape(kind))} ?{rest}", one)]
            if not match or (number == 0 and match[0] != lines[0]):
                self.differs(query.line, f"the log has no {pattern!r}: "
                             f"{lines}")
                return
            left.remove(match[0])
        if left:
            self.differs(query.line, f"too much in the log: {left}")

    def _logged(self, kind, text="", client=None):
        self.log_checked = True
        self.log.append((client, f"{kind} {text}"))

    # Decisions: everything that follows from one.

    def _want_allowed(self, line, queries, answers):
        """-> : the address of the answer is granted for these ports."""
        (query,), (answer,) = queries, answers
        self._forwarded(line, answer)
        self._logged("->", re.escape(query.shown))
        addresses = [rrset[0].address for rrset in answer.message.answer]
        if len(addresses) != 1:
            self.differs(line, f"not one address: {answer.records}")
        for address in addresses:
            for port in line.rest.split(","):
                self._granted(query, port, address, 60)
                self._logged("<-", re.escape(
                    f"{query.shown} [{address}]:{port.upper()} "
                    f"TTL:{self.world.lifetime(60)}"))

    def _want_resolved(self, line, queries, answers):
        """~> : nothing is granted."""
        (query,), (answer,) = queries, answers
        self._forwarded(line, answer)
        self._logged("~>", re.escape(query.shown))
        self._logged("<~")

    def _forwarded(self, line, answer):
        self.equal(line, "RCODE", answer.rcode, "NOERROR")
        self.equal(line, "queries upstream", len(self.asked), 1)
        sent = self.world.upstream.replies
        if not sent or answer.wire[2:] != sent[-1][2:]:
            self.differs(line, f"not what the upstream sent: {sent}")

    def _want_refused(self, line, queries, answers):
        """No rule allows the name; or "by" the rule that blocks it."""
        (query,), (answer,) = queries, answers
        codes, text = BLOCKED, "no rule|not allowed|no ACL"
        if line.rest:
            number = self.world.scenario.line_of(line.rest.removeprefix("by"))
            codes, text = {15}, rf"\bACL line {number}\b"
        self._kept_here(line, answer, self.world.refusal)
        self.equal(line, "answer section", answer.records, [])
        self._check_own(line, query, answer, codes, text)
        self._logged("|>", re.escape(query.shown))

    def _want_unfit(self, line, queries, answers):
        """A name that is allowed, but not so (D4)."""
        (query,), (answer,) = queries, answers
        self._kept_here(line, answer, "REFUSED")
        self._check_own(line, query, answer, UNFIT)
        self._logged("!>", ".+")

    def _want_local(self, line, queries, answers):
        """-| = address: "local ADDRESS", and "empty" for another type."""
        (query,), (answer,) = queries, answers
        address, *empty = line.rest.split()
        self._kept_here(line, answer, "NOERROR")
        owner = query.name.to_text().lower()
        rdtype = "AAAA" if ":" in address else "A"
        self.equal(line, "answer section", answer.records,
                   [] if empty else [f"{owner} 60 IN {rdtype} {address}"])
        self._check_own(line, query, answer, FORGED)
        self._logged("|>", re.escape(f"{query.shown} = {address}"))

    def _kept_here(self, line, answer, rcode):
        self.equal(line, "RCODE", answer.rcode, rcode)
        self.equal(line, "queries upstream", len(self.asked), 0)

    def _granted(self, query, port, address, ttl):
        client = None if query.client in ("127.0.0.1", "::1") \
            else query.client
        proto, _, number = port.partition(":")
        key = (client, proto, int(number), address)
        self.grants[key] = ttl
        if query.name is not None:
            self.label[key] = query.name.to_text().lower()

    # Single facts.

    def _want_get(self, line, queries, answers):
        rcode, *flags = line.rest.split()
        if rcode in ("nothing", "close"):
            self.equal(line, "queries upstream", len(self.asked), 0)
            return
        for query, answer in zip(queries, answers):
            if rcode == "as-sent":
                self.equal(line, "answer", answer.wire[2:],
                           self.world.upstream.replies[-1][2:])
                continue
            if answer.rcode not in rcode.split("|"):
                self.differs(line, f"RCODE: {answer.rcode}")
            if flags:
                self.equal(line, "flags", answer.flag_names,
                           set(flags) - {"-"})
            self._check_answer(line, answer)

    def _check_answer(self, line, answer):
        texts = [line.rest for line in self.lines if line.verb == "answer"]
        if texts != ["any"]:
            self.equal(line, "answer section", answer.records, [
                scenario_query.record_text(scenario_query.rrset(text))
                for text in texts])

    def _want_answer(self, line, queries, answers):
        assert any(line.verb == "get" for line in self.lines), self.case

    def _want_ede(self, line, queries, answers):
        codes, _, text = line.rest.partition(" ")
        for answer in answers:
            if codes == "none":
                self.equal(line, "EDE", answer.errors, [])
            else:
                self._check_error(line, answer, set(
                    int(code) for code in codes.split(",")), text)

    def _want_authority_is(self, line, queries, answers):
        wanted = [] if line.rest == "none" else [
            scenario_query.record_text(scenario_query.rrset(line.rest))]
        for answer in answers:
            self.equal(line, "authority section", [
                scenario_query.record_text(rrset)
                for rrset in answer.message.authority], wanted)

    def _want_edns(self, line, queries, answers):
        for answer in answers:
            message = answer.message
            got = "none"
            if message.edns >= 0:
                got = f"{message.payload}" + (
                    " do" if message.ednsflags & 0x8000 else "")
                other = message.ednsflags & 0xff7fff    # version, Z
                got += f" and {other:x}" if other else ""
            self.equal(line, "OPT", got, line.rest)

    def _want_options(self, line, queries, answers):
        for answer in answers:
            self.equal(line, "options",
                       scenario_query.option_texts(answer.message),
                       line.rest.split())

    def _want_asked(self, line, queries, answers):
        words = line.rest.split()
        if words[0] == "as-sent":
            self.equal(line, "query upstream",
                       [request.wire[2:] for request in self.asked],
                       [queries[0].wire[2:]])
        elif words[0] == "as-spelled":
            self.equal(line, "query upstream",
                       [request.wire[2:] for request in self.asked],
                       [scenario_query.spell(words[1:], 0)[2:]])
        elif words[0] == "options":
            self.equal(line, "options upstream", [
                scenario_query.option_texts(request.message)
                for request in self.asked], [words[1:]])
        elif words[0] == "size":
            self.equal(line, "EDNS size upstream", [
                request.message.payload for request in self.asked],
                [int(words[1])])
        else:
            self.equal(line, "queries upstream", len(self.asked),
                       int(words[0]))

    def _want_entries(self, line, queries, answers):
        """"any": what is in the kernel does not matter."""
        assert line.rest == "any", line.text
        self.entries_checked = False

    def _want_grant(self, line, queries, answers):
        words = line.rest.split()
        clients = [query for query in queries if query.client == words[0]]
        if ADDRESS.fullmatch(words[0]):
            words.pop(0)
        query = (clients or queries)[0]
        ttl = int(words[2]) if len(words) > 2 else None
        self._granted(query, words[0], words[1], ttl)

    def _want_for(self, line, queries, answers):
        """Of an alias target: the name whose rule gives the port."""
        *ports, name = line.rest.split()
        for key in self.label:
            if not ports or f"{key[1]}:{key[2]}" in ports:
                self.label[key] = name

    def _want_log(self, line, queries, answers):
        text, client = line.rest, None
        if ADDRESS.fullmatch(text.split()[0]):
            client, _, text = text.partition(" ")
        kind, _, rest = text.partition(" ")
        self._logged(kind, re.escape(rest).replace(re.escape("..."), ".+"),
                     client)

    def _want_logged(self, line, queries, answers):
        """One of the lines; the others do not matter."""
        kind, _, rest = line.rest.partition(" ")
        pattern = re.escape(f" {kind} [{queries[0].id}] ") + re.escape(
            rest).replace(re.escape("..."), ".+")
        end = time.monotonic() + LOG_DEADLINE
        until(lambda: self._finds(queries[0], pattern) or
              time.monotonic() > end)
        if not self._finds(queries[0], pattern):
            self.differs(line, f"not in the log: "
                         f"{self.world.log_of(queries[0])}")

    def _want_warned(self, line, queries, answers):
        try:
            self.world.server.err.wait_for(line.rest, LOG_DEADLINE,
                                           self.warned_before)
        except AssertionError as error:
            self.differs(line, str(error))

    def _finds(self, query, pattern):
        return any(re.search(pattern, one)
                   for one in self.world.log_of(query))

    def _want_ttl(self, line, queries, answers):
        least, _, greatest = line.rest.partition("-")
        for answer in answers:
            ttls = [rrset.ttl for rrset in answer.message.answer]
            if not ttls or min(ttls) < int(least) or max(ttls) > int(
                    greatest):
                self.differs(line, f"TTLs: {ttls}")

    def _want_size(self, line, queries, answers):
        for answer in answers:
            if len(answer.wire) > int(line.rest):
                self.differs(line, f"{len(answer.wire)} octets")

    def _want_reaches(self, line, queries, answers, wanted=True):
        port, address = line.rest.split()
        proto, _, number = port.partition(":")
        self.equal(line, f"way to {address} {port}", self.world.lab.reaches(
            address, queries[0].client, int(number), proto), wanted)

    def _want_rejected(self, line, queries, answers):
        self._want_reaches(line, queries, answers, False)
