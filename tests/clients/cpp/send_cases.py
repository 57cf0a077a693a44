"""Sending in every way that the client has: what is sent arrives, as it was sent."""

import threading
import time

import expect
from inbox import numbered
from scene import new_message


def send_sync(scene):
    topic = scene.topic(4)
    inbox = scene.push(scene.group(), topic)
    results = scene.send_bodies(topic, numbered("sync", 50))
    inbox.await_exactly(numbered("sync", 50))
    expect.equal("the statuses", {0}, {result.status for result in results})
    expect.equal("the ids of what was received", sorted(result.msg_id for result in results), sorted(one.id for one in inbox.all()))


def send_async(scene):
    topic = scene.topic(4)
    inbox = scene.push(scene.group(), topic)
    lock = threading.Lock()
    results, problems = [], []

    def collect(into):
        def add(one):
            with lock:
                into.append(one)

        return add

    for body in numbered("async", 50):
        scene.producer.send_async(new_message(topic, body), collect(results), collect(problems))
    inbox.await_exactly(numbered("async", 50))
    expect.eventually("the number of answers", 50, lambda: len(results))
    expect.equal("the problems", [], problems)


def send_oneway(scene):
    topic = scene.topic(4)
    inbox = scene.push(scene.group(), topic)
    for body in numbered("oneway", 20):
        scene.producer.send_oneway(new_message(topic, body))
    inbox.await_exactly(numbered("oneway", 20))


def send_with_everything(scene):
    topic = scene.topic()
    inbox = scene.push(scene.group(), topic)
    message = new_message(topic, "plain and ünicode 消息 🦀", "red", "key-1 key-2", colour="größe 🦀")
    result = scene.producer.send_sync(message)
    inbox.await_exactly(["plain and ünicode 消息 🦀"])
    seen = inbox.all()[0]
    expect.equal("the id", result.msg_id, seen.id)
    expect.equal("topic, queue and offset", (topic, 0, result.offset), (seen.topic, seen.queue, seen.offset))
    expect.equal("tag, keys and property", ("red", "key-1 key-2", "größe 🦀".encode()), (seen.tags, seen.keys, seen.colour))
    expect.equal("how often it had come", 0, seen.retried)


def send_batch(scene):
    topic = scene.topic(4)
    inbox = scene.push(scene.group(), topic)
    result = scene.producer.send_batch([new_message(topic, body, "red", colour=body) for body in numbered("batch", 10)])
    expect.equal("the status", 0, result.status)
    inbox.await_in_order(numbered("batch", 10))
    expect.equal("the queues", 1, len({one.queue for one in inbox.all()}))
    expect.equal("the properties", [body.encode() for body in numbered("batch", 10)], [one.colour for one in inbox.all()])


def send_orderly(scene):
    """The sender chooses the queue, with and without an answer; each queue keeps its order, and is consumed in it."""
    topic = scene.topic(4)
    inbox = scene.push(scene.group(), topic, orderly=True)
    for step in range(10):
        for queue in range(4):
            message = new_message(topic, f"{queue}-{step}")
            if step % 2:
                scene.producer.send_oneway_orderly(message, queue)
                # The next one may come over another connection.
                expect.eventually("what was sent without an answer", 1, lambda: len(inbox.of(f"{queue}-{step}")))
            else:
                scene.producer.send_orderly(message, queue)
    inbox.await_exactly([f"{queue}-{step}" for step in range(10) for queue in range(4)])
    for queue in range(4):
        of_queue = [one.body for one in inbox.all() if one.queue == queue]
        expect.equal(f"the steps of queue {queue}", [f"{queue}-{step}" for step in range(10)], of_queue)


def send_delayed(scene):
    topic = scene.topic()
    inbox = scene.push(scene.group(), topic)
    sent_at = time.time()
    # Two levels: one second and five.
    for level in [2, 1]:
        message = new_message(topic, f"level-{level}")
        message.set_delay_time_level(level)
        scene.producer.send_sync(message)
    inbox.await_in_order(["level-1", "level-2"])
    for one, least_s in zip(inbox.all(), [1, 5]):
        expect.holds(f"{one.body} in its time", one.at - sent_at >= least_s, one.at - sent_at)


def send_compressed(scene):
    """The client compresses from 4 KiB on."""
    topic = scene.topic()
    inbox = scene.push(scene.group(), topic)
    bodies = ["x" * 3_000, "wide " * 20_000, "long " * 400_000]
    scene.send_bodies(topic, bodies)
    inbox.await_exactly(bodies)
    stored = [one.stored_bytes < len(one.body) for one in sorted(inbox.all(), key=lambda one: one.offset)]
    expect.equal("which ones were stored smaller", [False, True, True], stored)


def send_creates_topic(scene):
    topic = scene.unique("unknown")
    # It may be the other broker's, to which there is no connection yet.
    expect.eventually_succeeds("the send", lambda: scene.send_bodies(topic, ["first"]))
    scene.push(scene.group(), topic).await_exactly(["first"])


CASES = [
    send_delayed, send_orderly, send_sync, send_async, send_oneway, send_with_everything, send_batch, send_compressed, send_creates_topic
]
