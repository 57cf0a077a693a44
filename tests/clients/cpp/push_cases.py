"""Consumers that messages come to: the ones that they want, again those that failed, and never again when all is in vain."""

import expect
from scene import LATER, SUCCESS, new_message


def push_tags(scene):
    topic = scene.topic()
    # "Aa" and "BB" have the same hash, which is all that the broker compares.
    inbox = scene.push(scene.group(), topic, expression="red || Aa")
    for tag in ["red", "green", "BB", "Aa", "redder", "red"]:
        scene.producer.send_sync(new_message(topic, tag, tag))
    scene.send_bodies(topic, ["untagged"])
    inbox.await_exactly(["red", "Aa", "red"])


def push_retry(scene):
    topic = scene.topic()
    inbox = scene.push(scene.group(), topic, lambda one: LATER if one.body == "again" and one.retried < 2 else SUCCESS)
    sent = scene.producer.send_sync(new_message(topic, "again", "red", "key", colour="blue"))
    scene.send_bodies(topic, ["once"])
    inbox.await_exactly(["again", "again", "again", "once"])
    tries = inbox.of("again")
    expect.equal("how often it had come", [0, 1, 2], [one.retried for one in tries])
    for one in tries[1:]:
        seen = (one.topic, one.tags, one.keys, one.colour)
        expect.equal("what came again", (topic, "red", "key", b"blue"), seen)
        expect.equal("the id", sent.msg_id, one.id)


def push_dead_letter(scene):
    topic = scene.topic()
    group = scene.group(retries=1)
    inbox = scene.push(group, topic, lambda _: LATER)
    scene.send_bodies(topic, ["hopeless"])
    scene.await_dead_letters(group, 1)
    expect.equal("how often it had come", [0, 1], [one.retried for one in inbox.all()])


def push_orderly_retry(scene):
    """Those behind a failing message wait until it has succeeded."""
    topic = scene.topic()
    fails = iter([LATER, LATER])
    inbox = scene.push(scene.group(), topic, lambda one: next(fails, SUCCESS) if one.body == "two" else SUCCESS, orderly=True)
    scene.send_bodies(topic, ["one", "two", "three"])
    inbox.await_in_order(["one", "two", "two", "two", "three"])


CASES = [push_dead_letter, push_retry, push_orderly_retry, push_tags]
