"""For programs that take away what they made, also when a signal ends them."""

import contextlib
import signal
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_undisturbed = 0    # blocks that the program is in
_waiting = None     # the signal that came meanwhile


def _leave(number, _frame):
    global _waiting
    for one in SIGNALS:     # nothing disturbs the clean-up
        signal.signal(one, lambda *_: None)
    if _undisturbed:
        _waiting = number
    else:
        sys.exit(128 + number)


def exit_on_signals():
    """The first signal raises SystemExit; those after it do nothing."""
    for one in SIGNALS:
        signal.signal(one, _leave)


@contextlib.contextmanager
def undisturbed():
    """To make or take away something: a signal has effect after the block."""
    global _undisturbed, _waiting
    _undisturbed += 1
    try:
        yield
    finally:
        _undisturbed -= 1
        if _waiting and not _undisturbed:
            number, _waiting = _waiting, None
            sys.exit(128 + number)
