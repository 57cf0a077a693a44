"""Consumers that ask for each message, and say themselves when they are done with it."""

import time

import expect
from inbox import numbered
from rocketmq.v5.exception import BadRequestException
from scene import new_message, nothing_left, receive

# The shortest time that servers let a message be invisible from the start.
SHORTEST_S = 10
LONG_S = 60


def simple_redelivery(scene):
    topic = scene.topic("NORMAL")
    consumer = scene.simple(scene.group(), topic)
    scene.send_bodies(topic, ["done", "forgotten"])
    first = receive(consumer, 2, SHORTEST_S)
    received_at = time.monotonic()
    consumer.ack(first["done"])
    again = receive(consumer, 1, LONG_S)
    waited = time.monotonic() - received_at
    expect.equal("what came again", ["forgotten"], list(again))
    expect.equal("the attempt", 2, again["forgotten"].delivery_attempt)
    expect.equal("the id", first["forgotten"].message_id, again["forgotten"].message_id)
    expect.holds("10 s in between", waited > 9, waited)
    expect.refused("the ack of an expired handle", BadRequestException, 40013, lambda: consumer.ack(first["forgotten"]))
    consumer.ack(again["forgotten"])
    nothing_left("what is left", consumer)


def simple_change_invisible_duration(scene):
    topic = scene.topic("NORMAL")
    consumer = scene.simple(scene.group(), topic)
    scene.send_bodies(topic, ["longer", "shorter"])
    first = receive(consumer, 2, SHORTEST_S)
    received_at = time.monotonic()
    consumer.change_invisible_duration(first["longer"], LONG_S)
    consumer.change_invisible_duration(first["shorter"], 2)
    again = receive(consumer, 1, LONG_S)
    expect.equal("what came again", ["shorter"], list(again))
    expect.equal("the attempt", 2, again["shorter"].delivery_attempt)
    consumer.ack(again["shorter"])
    # The other one would have come again after 10 s.
    while time.monotonic() < received_at + 13:
        nothing_left("what came before its time", consumer)
    consumer.ack(first["longer"])


def simple_dead_letter(scene):
    topic = scene.topic("NORMAL")
    group = scene.group(retries=1)
    consumer = scene.simple(group, topic)
    scene.send_bodies(topic, ["hopeless"])
    for attempt in [1, 2]:
        message = receive(consumer, 1, LONG_S)["hopeless"]
        expect.equal("the attempt", attempt, message.delivery_attempt)
        consumer.change_invisible_duration(message, 1)
    nothing_left("what is received beyond the last attempt", consumer)
    scene.await_dead_letters(group, 1)


def simple_fifo(scene):
    """A message of a group is not handed out while the one before it is being worked on."""
    topic = scene.topic("FIFO")
    consumer = scene.simple(scene.group(orderly=True), topic)
    scene.send(new_message(topic, "first", "orders"), new_message(topic, "second", "orders"))
    first = receive(consumer, 1, LONG_S)
    expect.equal("what comes first", ["first"], list(first))
    expect.equal("the message group", "orders", first["first"].message_group)
    nothing_left("what comes before the first is done", consumer)
    consumer.ack(first["first"])
    second = receive(consumer, 1, LONG_S)
    expect.equal("what comes second", ["second"], list(second))
    consumer.ack(second["second"])


def simple_receive_and_ack(scene):
    topic = scene.topic("NORMAL")
    consumer = scene.simple(scene.group(), topic)
    bodies = numbered("simple", 10)
    scene.send_bodies(topic, bodies)
    received = receive(consumer, 10, LONG_S)
    expect.equal("the received bodies", bodies, sorted(received))
    for message in received.values():
        expect.equal("the attempt", 1, message.delivery_attempt)
        consumer.ack(message)
    nothing_left("what is left", consumer)


def simple_async(scene):
    topic = scene.topic("NORMAL")
    consumer = scene.simple(scene.group(), topic)
    # The first receive may come before the client's own settings, which some servers answer with an error.
    scene.send_bodies(topic, ["first"])
    consumer.ack(receive(consumer, 1, LONG_S)["first"])
    pending = consumer.receive_async(1, LONG_S)
    # It waits at the server for this.
    scene.send_bodies(topic, ["async"])
    received = {message.body.decode(): message for message in pending.result(expect.WAIT_S)} or receive(consumer, 1, LONG_S)
    expect.equal("the received bodies", ["async"], list(received))
    consumer.ack(received["async"])


CASES = [simple_redelivery, simple_change_invisible_duration, simple_dead_letter, simple_fifo, simple_receive_and_ack, simple_async]
