"""Messages that wait, and messages that are taken back before their time."""

import time

import expect
from rocketmq.v5.exception import BadRequestException, ClientException
from scene import new_message


def delayed(topic, body, deliver_at):
    message = new_message(topic, body)
    message.tag = "late"
    message.keys = "key"
    message.add_property("mine", "value")
    # In whole seconds.
    message.delivery_timestamp = int(deliver_at)
    return message


def delay(scene):
    topic = scene.topic("DELAY")
    inbox = scene.push(scene.group(), topic)
    now = int(time.time())
    due = {"one": now + 3, "two": now + 5, "past": now - 1}
    scene.send(*(delayed(topic, body, deliver_at) for body, deliver_at in due.items()))
    inbox.await_exactly(list(due))
    for one in inbox.all():
        # Servers round a delivery time to their precision, which is a second at most.
        expect.holds(f"{one.body} not before its time", one.at >= due[one.body] - 1, one.at)
        expect.equal("the tag", "late", one.message.tag)
        expect.equal("the keys", {"key"}, set(one.message.keys))
        expect.equal("the properties", {"mine": "value"}, one.message.properties)
        expect.equal("the topic", topic, one.message.topic)
        expect.equal("the attempt", 1, one.attempt)


def recall(scene):
    topic = scene.topic("DELAY")
    inbox = scene.push(scene.group(), topic)
    deliver_at = time.time() + 4
    gone, also_gone, _ = scene.send(*(delayed(topic, body, deliver_at) for body in ["gone", "also gone", "kept"]))
    expect.equal("the id of what was taken back", gone.message_id, scene.producer(topic).recall_message(topic, gone.recall_handle))
    scene.producer(topic).recall_message_async(topic, also_gone.recall_handle).result(expect.WAIT_S)
    # Due after all of them: when it is there, whatever was to come has come.
    scene.send(delayed(topic, "last", deliver_at + 2))
    inbox.await_exactly(["kept", "last"])


def recall_refused(scene):
    topic = scene.topic("DELAY")
    try:
        scene.producer(topic).recall_message(topic, "bm8gaGFuZGxl")
        seen = "success"
    except ClientException as refusal:
        seen = str(refusal)
    expect.holds("a handle that is none to be refused", "recall handle is invalid" in seen, seen)
    far = delayed(topic, "far", time.time() + 48 * 3600)
    expect.refused("a delivery in two days", BadRequestException, 40012, lambda: scene.send(far))


CASES = [delay, recall, recall_refused]
