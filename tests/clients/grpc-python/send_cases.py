"""Plain messages: what is sent arrives, as it was sent; and filters, which keep some of it away."""

import time

import expect
from inbox import numbered
from rocketmq import FilterExpression
from rocketmq.grpc_protocol import FilterType
from scene import new_message


def send_sync(scene):
    topic = scene.topic("NORMAL", 4)
    inbox = scene.push(scene.group(), topic)
    receipts = scene.send_bodies(topic, numbered("sync", 50))
    inbox.await_exactly(numbered("sync", 50))
    seen = sorted(one.message.message_id for one in inbox.all())
    expect.equal("the ids of what was received", sorted(receipt.message_id for receipt in receipts), seen)


def send_tls(scene):
    """TLS on the port that serves plain text too. The client looks whether it knows who has issued the broker's certificate."""
    scene.tls = True
    topic = scene.topic("NORMAL")
    inbox = scene.push(scene.group(), topic)
    scene.send_bodies(topic, numbered("secret", 5))
    inbox.await_exactly(numbered("secret", 5))


send_tls.needs = ("roots",)


def send_async(scene):
    topic = scene.topic("NORMAL", 4)
    inbox = scene.push(scene.group(), topic)
    pending = [scene.producer(topic).send_async(new_message(topic, body)) for body in numbered("async", 50)]
    receipts = [one.result(expect.WAIT_S) for one in pending]
    inbox.await_exactly(numbered("async", 50))
    seen = sorted(one.message.message_id for one in inbox.all())
    expect.equal("the ids of what was received", sorted(receipt.message_id for receipt in receipts), seen)


def send_with_everything(scene):
    topic = scene.topic("NORMAL")
    inbox = scene.push(scene.group(), topic)
    message = new_message(topic, "plain and ünicode 消息")
    message.tag = "tag"
    # Each assignment adds one.
    message.keys = "key-1"
    message.keys = "key-2"
    message.add_property("colour", "blue")
    message.add_property("größe", "riesig 🦀")
    sent_at = time.time()
    receipt = scene.send(message)[0]
    inbox.await_exactly(["plain and ünicode 消息"])
    seen = inbox.all()[0].message
    expect.equal("the id", receipt.message_id, seen.message_id)
    expect.equal("the topic", topic, seen.topic)
    expect.equal("the tag", "tag", seen.tag)
    expect.equal("the keys", {"key-1", "key-2"}, set(seen.keys))
    expect.equal("the properties", {"colour": "blue", "größe": "riesig 🦀"}, seen.properties)
    expect.equal("the attempt", 1, seen.delivery_attempt)
    expect.equal("the message group", None, seen.message_group)
    expect.equal("a broken digest", False, bool(seen.corrupted))
    expect.holds("the host that it was born on", seen.born_host, "none")
    expect.holds("its birth to be now", abs(seen.born_timestamp / 1000 - sent_at) < 10, seen.born_timestamp)


def send_many_properties(scene):
    topic = scene.topic("NORMAL")
    inbox = scene.push(scene.group(), topic)
    properties = {f"ключ-{i}": f"значение {'ж' * 20}{i}" for i in range(120)}
    message = new_message(topic, "many")
    for key, value in properties.items():
        message.add_property(key, value)
    scene.send(message)
    inbox.await_exactly(["many"])
    expect.equal("the properties", properties, inbox.all()[0].message.properties)


def send_largest_body(scene):
    topic = scene.topic("NORMAL")
    inbox = scene.push(scene.group(), topic)
    body = "x" * (4 * 1024 * 1024)
    scene.send_bodies(topic, [body])
    inbox.await_count(1)
    expect.holds("the body that was sent", inbox.bodies() == [body], len(inbox.bodies()[0]))


def filter_by_tag(scene):
    topic = scene.topic("NORMAL", 2)
    inbox = scene.push(scene.group(), topic, expression=FilterExpression("red || blue"))
    for tag in ["red", "green", "blue", "redder"]:
        for body in numbered(tag, 3):
            message = new_message(topic, body)
            message.tag = tag
            scene.send(message)
    scene.send_bodies(topic, ["untagged"])
    inbox.await_exactly(numbered("red", 3) + numbered("blue", 3))


def filter_by_sql(scene):
    topic = scene.topic("NORMAL", 2)
    condition = FilterExpression("size BETWEEN 3 AND 5 AND colour IN ('red', 'blue')", FilterType.SQL)
    inbox = scene.push(scene.group(), topic, expression=condition)
    for size in range(8):
        for colour in ["red", "green"]:
            message = new_message(topic, f"{colour}-{size}")
            message.add_property("size", str(size))
            message.add_property("colour", colour)
            scene.send(message)
    inbox.await_exactly(["red-3", "red-4", "red-5"])


CASES = [send_tls, send_sync, send_async, send_with_everything, send_many_properties, send_largest_body, filter_by_tag, filter_by_sql]
