"""Values of command lines."""

import argparse


def at_least(least, most=None):
    """A type for argparse: whole numbers from least on, to most if given."""
    wanted = f"expected a number of at least {least}" + \
        (f" and at most {most}" if most is not None else "")

    def number(text):
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or most is not None and value > most:
            raise argparse.ArgumentTypeError(f"{text!r}: {wanted}")
        return value

    return number
