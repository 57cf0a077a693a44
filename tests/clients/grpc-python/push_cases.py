"""Consumers that messages come to: in any order or by message group, again when they fail, and never again when all is in vain."""

import threading

import expect
from inbox import numbered
from rocketmq import ConsumeResult
from scene import new_message


def failing(body, times):
    """Fails each message with this body, the first `times` times."""
    lock = threading.Lock()
    seen = 0

    def listener(message):
        nonlocal seen
        if message.body.decode() != body:
            return ConsumeResult.SUCCESS
        with lock:
            seen += 1
            return ConsumeResult.FAILURE if seen <= times else ConsumeResult.SUCCESS

    return listener


def push_dead_letter(scene):
    topic = scene.topic("NORMAL")
    group = scene.group(retries=1)

    def hopeless(_message):
        raise RuntimeError("a listener that raises has failed")

    inbox = scene.push(group, topic, hopeless)
    scene.send_bodies(topic, ["hopeless"])
    scene.await_dead_letters(group, 1)
    expect.equal("the attempts", [1, 2], [one.attempt for one in inbox.of("hopeless")])


def push_fifo_dead_letter(scene):
    """Those behind a message that never succeeds go on once it is among the dead letters."""
    topic = scene.topic("FIFO")
    group = scene.group(orderly=True, retries=1)
    inbox = scene.push(group, topic, failing("hopeless", 100))
    scene.send(*(new_message(topic, body, "orders") for body in ["one", "hopeless", "three"]))
    inbox.await_in_order(["one", "hopeless", "hopeless", "three"])
    scene.await_dead_letters(group, 1)


def push_retry(scene):
    topic = scene.topic("NORMAL")
    inbox = scene.push(scene.group(), topic, failing("again", 2))
    message = new_message(topic, "again")
    message.tag = "tag"
    message.keys = "key"
    message.add_property("mine", "value")
    scene.send(message, new_message(topic, "once"))
    inbox.await_exactly(["again", "again", "again", "once"])
    tries = inbox.of("again")
    expect.equal("the attempts", [1, 2, 3], [one.attempt for one in tries])
    last = tries[2].message
    expect.equal("the id", tries[0].message.message_id, last.message_id)
    expect.equal("the topic", topic, last.topic)
    expect.equal("the tag", "tag", last.tag)
    expect.equal("the keys", {"key"}, set(last.keys))
    expect.equal("the properties", {"mine": "value"}, last.properties)
    expect.holds("a second in between", tries[1].at - tries[0].at >= 0.9, tries[1].at - tries[0].at)


def push_fifo_retry(scene):
    """Those behind a failing message wait until it has succeeded. This client tries again by itself, and does not count."""
    topic = scene.topic("FIFO")
    inbox = scene.push(scene.group(orderly=True), topic, failing("two", 2))
    scene.send(*(new_message(topic, body, "orders") for body in ["one", "two", "three"]))
    inbox.await_in_order(["one", "two", "two", "two", "three"])


def push_fifo(scene):
    topic = scene.topic("FIFO", 4)
    inbox = scene.push(scene.group(orderly=True), topic)
    groups = ["red", "green", "blue"]
    all_bodies = [(f"{group}-{i}", group) for i in range(10) for group in groups]
    scene.send(*(new_message(topic, body, group) for body, group in all_bodies))
    inbox.await_exactly([body for body, _ in all_bodies])
    for group in groups:
        of_group = [one for one in inbox.all() if one.body.startswith(group)]
        expect.equal(f"the order in {group}", numbered(group, 10), [one.body for one in of_group])
        expect.equal("the message group", {group}, {one.message.message_group for one in of_group})


def push_shared(scene):
    topic = scene.topic("NORMAL", 4)
    group = scene.group()
    one, other = scene.push(group, topic), scene.push(group, topic)
    bodies = numbered("shared", 100)
    scene.send_bodies(topic, bodies)
    expect.eventually("the number of received messages", len(bodies), lambda: len(one.all()) + len(other.all()))
    expect.equal("the received bodies, sorted", sorted(bodies), sorted(one.bodies() + other.bodies()))


CASES = [push_dead_letter, push_fifo_dead_letter, push_retry, push_fifo_retry, push_fifo, push_shared]
