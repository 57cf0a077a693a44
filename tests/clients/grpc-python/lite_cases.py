"""Many small topics under one parent, to which consumers subscribe one by one."""

import expect
import remoting
from inbox import numbered
from rocketmq.v5.consumer import LitePushConsumer, LiteSimpleConsumer
from scene import WAIT_S, PushInbox, new_message, nothing_left, receive, succeed

LONG_S = 60


def lite_group(scene, parent):
    group = scene.unique("group")
    remoting.create_lite_group(scene.remoting(), group, parent)
    return group


def lite_message(parent, lite_topic, body):
    message = new_message(parent, body)
    message.lite_topic = lite_topic
    return message


def lite_push(scene):
    """A consumer gets what it subscribed to, each lite topic in its order, until it gives it up."""
    parent = scene.topic("LITE", 4)
    inbox = PushInbox(succeed)
    group = lite_group(scene, parent)
    consumer = scene.start(LitePushConsumer(scene.configuration(), group, parent, inbox, consumption_thread_count=4))
    for room in ["red", "green"]:
        consumer.subscribe_lite(room)
    scene.send(*(lite_message(parent, room, body) for room in ["red", "green"] for body in numbered(room, 10)))
    scene.send(lite_message(parent, "grey", "nobody's"))
    everything = numbered("red", 10) + numbered("green", 10)
    inbox.await_exactly(everything)
    for room in ["red", "green"]:
        of_room = [one for one in inbox.all() if one.body.startswith(room)]
        expect.equal(f"the order in {room}", numbered(room, 10), [one.body for one in of_room])
        expect.equal("the lite topic", {room}, {one.message.lite_topic for one in of_room})
    consumer.unsubscribe_lite("red")
    scene.send(lite_message(parent, "red", "red-late"), lite_message(parent, "green", "green-late"))
    inbox.await_exactly(everything + ["green-late"])


def lite_simple(scene):
    """A consumer that asks for each message, and has to be done with one before it gets the next of its lite topic."""
    parent = scene.topic("LITE")
    consumer = scene.start(LiteSimpleConsumer(parent, scene.configuration(), lite_group(scene, parent), await_duration=WAIT_S))
    consumer.subscribe_lite("room")
    scene.send(lite_message(parent, "room", "first"))
    first = receive(consumer, 1, LONG_S)
    scene.send(lite_message(parent, "room", "second"))
    nothing_left("what comes before the first is done", consumer)
    consumer.ack(first["first"])
    second = receive(consumer, 1, LONG_S)
    expect.equal("what comes second", ["second"], list(second))
    consumer.ack(second["second"])


lite_push.needs = ("lite",)
lite_simple.needs = ("lite",)
CASES = [lite_push, lite_simple]
