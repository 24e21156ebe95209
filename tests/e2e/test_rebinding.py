"""Answers that lead to the inside (G8): the short form of tests/compare."""

import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "compare"))

import rebind       # noqa: E402

SEED = 4            # tests/compare/run takes a new one each time
BAD, CLEAN = 288, 300
LIMIT = 60


def test_G8_generated_answers(lab, any_fw):
    """All forbidden addresses go, nothing else does, none is granted."""
    rebind.give_own_addresses(lab)
    answers, pool = rebind.make(SEED, BAD, CLEAN)
    faults, _, _ = rebind.check_dnsfw(lab, any_fw, answers, pool, LIMIT)
    assert not faults, "\n".join(faults[:rebind.SHOWN])


def fault(section, change):
    """What the test says of an answer that dnsfw would have changed so."""
    answer = section[0]
    return rebind.fault_of(answer, change(answer))


@pytest.fixture(scope="module", name="samples")
def _samples():
    answers, _ = rebind.make(SEED, 1, 1)
    return answers[:1], answers[1:]


def test_the_judge_sees_what_was_let_pass(samples):
    bad, _ = samples
    # The octets are right, but nothing tells the client that some are gone.
    assert fault(bad, lambda answer: answer.cleaned) == "EDE: []"
    assert fault(bad, lambda answer: answer.wire) == "passed"
    assert fault(bad, lambda answer: None) == "no answer"


def test_the_judge_sees_what_was_altered(samples):
    _, clean = samples
    assert fault(clean, lambda answer: answer.wire) is None
    assert fault(clean, lambda answer: b"\1\2" + answer.wire[2:]) is None
    assert fault(clean, lambda answer: answer.wire[:-1] + bytes(
        [answer.wire[-1] ^ 1])) == "altered"
