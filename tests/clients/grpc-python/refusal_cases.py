"""Mistakes: each with the exception and the code that tell the user which it was."""

import time

import expect
from rocketmq import Producer
from rocketmq.v5.exception import BadRequestException, IllegalArgumentException, RequestHeaderFieldsTooLargeException
from scene import new_message
from timer_cases import delayed

TOO_LARGE_BYTES = 4 * 1024 * 1024 + 1


def refused_messages(scene):
    topic = scene.topic("NORMAL")
    tag, key, own, large = (new_message(topic, "bad") for _ in range(4))
    tag.tag = "a\x01b"
    key.keys = "a\x01b"
    own.add_property("UNIQ_KEY", "mine")
    large.add_property("key", "v" * 17 * 1024)
    expect.refused("a control character in the tag", BadRequestException, 40004, lambda: scene.send(tag))
    expect.refused("a control character in a key", BadRequestException, 40005, lambda: scene.send(key))
    expect.refused("a property of the servers' own", BadRequestException, 40007, lambda: scene.send(own))
    expect.refused("17 KiB of properties", RequestHeaderFieldsTooLargeException, 43101, lambda: scene.send(large))
    # None of them is stored.
    inbox = scene.push(scene.group(), topic)
    scene.send_bodies(topic, ["good"])
    inbox.await_exactly(["good"])


def refused_by_the_client(scene):
    """The client knows these limits from the server's settings and routes."""
    topic = scene.topic("NORMAL")
    scene.send_bodies(topic, ["good"])
    grouped, late, large = new_message(topic, "bad", "orders"), delayed(topic, "bad", time.time() + 5), new_message(topic, "x" * TOO_LARGE_BYTES)
    expect.refused("a message group on a plain topic", IllegalArgumentException, None, lambda: scene.send(grouped))
    expect.refused("a delay on a plain topic", IllegalArgumentException, None, lambda: scene.send(late))
    expect.refused("a body that is too large", IllegalArgumentException, None, lambda: scene.send(large))


def refused_topic(scene):
    none = scene.unique("none")
    producer = scene.start(Producer(scene.configuration()))
    # The client keeps the code, 40402, to itself.
    refusal = expect.refused("sending to a topic that is not there", Exception, None, lambda: producer.send(new_message(none, "bad")))
    expect.holds("the topic to be named", none in str(refusal), refusal)


def refused_receives(scene):
    topic = scene.topic("NORMAL")
    consumer = scene.simple(scene.group(), topic)
    expect.refused("an invisible duration of 1 s", BadRequestException, 40011, lambda: consumer.receive(1, 1))
    expect.refused("an invisible duration of 13 h", BadRequestException, 40011, lambda: consumer.receive(1, 13 * 3600))


CASES = [refused_messages, refused_by_the_client, refused_topic, refused_receives]
