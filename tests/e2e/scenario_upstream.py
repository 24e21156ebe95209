"""The upstream of the scenarios."""

import itertools

import dns.rcode
import dns.rdatatype

import scenario_query
from lab import SITES4, SITES6
from scenario_query import HEADER_FLAGS, question_length
from upstream import Later, Upstream


class Resolver(Upstream):
    """The upstream: answers as the current step says."""

    def __init__(self, *args):
        self.lines = []         # the step's, of scenarios.UPSTREAM
        self.replies = []       # what was sent
        self._fresh4 = iter(SITES4[number] for number in range(1 << 15,
                                                               1 << 16))
        self._fresh6 = iter(SITES6[number] for number in itertools.count(
            1 << 32))
        super().__init__(*args)

    def _from_records(self, request):
        """What the base class asks if a test has said nothing else."""
        verbs = {line.verb for line in self.lines}
        if "silent" in verbs:
            return []
        wire = request.wire
        if verbs - {"delay"}:
            reply = self._told(request)
        elif request.message is None or request.message.opcode() or \
                not request.name:
            reply = wire[:2] + bytes([wire[2] | 0x80]) + wire[3:]
        else:
            reply = request.reply(*self._own(request)).to_wire()
        self.replies.append(reply)
        seconds = [float(line.rest) for line in self.lines
                   if line.verb == "delay"]
        return [Later(seconds[0], reply) if seconds else reply]

    def _own(self, request):
        """For every name another address; a text; nothing else."""
        question = request.message.question[0]
        if question.rdclass != 1:
            return []
        rdtype = dns.rdatatype.to_text(question.rdtype)
        data = {"A": self._fresh4, "AAAA": self._fresh6,
                "TXT": itertools.repeat("text")}.get(rdtype, ())
        return [f"{question.name} 60 IN {rdtype} {one}"
                for one in itertools.islice(data, 1)]

    def _told(self, request):
        """What the lines say."""
        number = int.from_bytes(request.wire[:2], "big")
        question = request.wire[12:12 + question_length(request.wire)]
        for line in self.lines:
            if line.verb == "raw":
                return scenario_query.spell(line.rest.split(), number,
                                            question)
        reply = request.reply()
        for line in self.lines:
            if line.verb == "opt":
                self._set_opt(reply, line.rest.split())
            elif line.verb == "flags":
                self._set_flags(reply, line.rest.split())
            elif line.verb in ("reply", "authority", "additional"):
                section = (reply.answer if line.verb == "reply"
                           else getattr(reply, line.verb))
                section.append(scenario_query.rrset(line.rest))
        for line in self.lines:     # a part of it is in OPT
            if line.verb == "rcode":
                reply.set_rcode(dns.rcode.from_text(line.rest))
        return reply.to_wire(max_size=65535)

    @staticmethod
    def _set_flags(reply, words):
        for word in words:
            bit = HEADER_FLAGS[word.lstrip("-")]
            reply.flags = (reply.flags & ~bit if word[0] == "-"
                           else reply.flags | bit)

    @staticmethod
    def _set_opt(reply, words):
        if words[0] == "none":
            reply.use_edns(False)
            return
        options = [scenario_query.edns_option(word) for word in words[1:]
                   if ":" in word]
        reply.use_edns(0, 0x8000 if "do" in words else 0, int(words[0]),
                       options=options)
