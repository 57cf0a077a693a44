"""What one consumer has received so far, and waits for what is to come."""

import threading

import expect


class Inbox:
    """Messages, which have a `body`, in the order in which they were handed over."""

    def __init__(self):
        self._lock = threading.Lock()
        self._all = []

    def add(self, message):
        with self._lock:
            self._all.append(message)

    def all(self):
        with self._lock:
            return list(self._all)

    def bodies(self):
        return [one.body for one in self.all()]

    def of(self, body):
        return [one for one in self.all() if one.body == body]

    def await_count(self, count):
        expect.eventually(f"{count} messages, received", True, lambda: len(self.all()) >= count or self.bodies())

    def await_exactly(self, bodies):
        """Waits for all of these bodies and accepts no other, and none twice. The order does not matter."""
        self.await_count(len(bodies))
        expect.equal("the received bodies, sorted", sorted(bodies), sorted(self.bodies()))

    def await_in_order(self, bodies):
        """Waits for all of these bodies in this order and accepts no other."""
        self.await_count(len(bodies))
        expect.equal("the received bodies", list(bodies), self.bodies())

    def await_all(self, bodies):
        """Waits until each of these bodies came at least once, whatever else came."""
        expect.eventually("the bodies that have not come", [], lambda: [body for body in bodies if body not in self.bodies()])


def numbered(prefix, count):
    """The bodies prefix-0, prefix-1, …"""
    return [f"{prefix}-{i}" for i in range(count)]
