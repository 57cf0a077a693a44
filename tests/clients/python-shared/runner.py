"""The process that started this one: it reads our lines, and restarts or kills a server when a line `CONTROL restart NAME` or
`CONTROL kill NAME` asks for it, which it confirms with a line `done`."""

import sys
import threading

import expect


class Runner:
    def __init__(self):
        self._saying = threading.Lock()
        self._ordering = threading.Lock()

    def say(self, line):
        with self._saying:
            print(line, flush=True)

    def restart(self, broker):
        """Returns when the server is ready again."""
        self._order(f"restart {broker}")

    def kill(self, broker):
        """Returns when the server is gone, for good."""
        self._order(f"kill {broker}")

    def _order(self, order):
        # One at a time, because answers do not say which order they belong to.
        with self._ordering:
            self.say(f"CONTROL {order}")
            expect.equal(f"the runner's answer to {order}", "done", sys.stdin.readline().strip())
