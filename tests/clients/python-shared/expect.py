"""Checks that name what was expected and what was seen, and waits for what is to come."""

import time

# Long enough for whatever only a client's own timers start, on a busy machine.
WAIT_S = 60
POLL_S = 0.05
SHOWN_CHARS = 600


class Failure(Exception):
    """A check that did not hold."""

    def __init__(self, expected, seen):
        super().__init__(f"expected {expected}, saw {shorten(seen)}")


def shorten(value):
    text = (value if isinstance(value, str) else repr(value)).replace("\n", " ")
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({len(text)} characters)"


def equal(what, expected, seen):
    if expected != seen:
        raise Failure(f"{what} to be {shorten(expected)}", seen)


def holds(expected, condition, seen):
    if not condition:
        raise Failure(expected, seen)


def eventually(what, expected, probe):
    """Waits until `probe` gives what is expected; an exception on the way counts as "not yet"."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            seen = probe()
        except Exception as problem:
            seen = problem
        if not isinstance(seen, Exception) and seen == expected:
            return
        if time.monotonic() > deadline:
            raise Failure(f"{what} to become {shorten(expected)} within {WAIT_S} s", seen)
        time.sleep(POLL_S)


def eventually_succeeds(what, action):
    """Repeats an action that may fail while a server is away."""

    def succeeded():
        action()
        return True

    eventually(what, True, succeeded)


def refused(what, exception, code, action):
    """Expects the client's exception of this type with this code, and returns it."""
    try:
        action()
    except Exception as seen:
        expected = isinstance(seen, exception) and getattr(seen, "code", None) == code
        holds(f"{what} to be refused with {exception.__name__} of code {code}", expected, seen)
        return seen
    raise Failure(f"{what} to be refused", "success")
