"""Brokers that go away, for a moment or for good."""

import threading
import time

import expect
from inbox import numbered
from rocketmq import ConsumeResult, Producer
from scene import RESTARTS, new_message, receive

# Long enough for a server that forgot what it had handed out to hand it out again.
WATCHED_S = 15


def restart_with_messages_in_process(scene):
    """What was handed out before a restart is still handed out after it: nobody else gets it, and its old handle acknowledges."""
    with RESTARTS:
        scene.broker = scene.options.restartable
        pushed, received = scene.topic("NORMAL"), scene.topic("NORMAL", part="received")
        done = threading.Event()
        inbox = scene.push(scene.group(), pushed, lambda _: ConsumeResult.SUCCESS if done.wait(expect.WAIT_S) else ConsumeResult.FAILURE)
        consumer = scene.simple(scene.group(part="receivers"), received)
        scene.send_bodies(pushed, ["pushed"])
        scene.send_bodies(received, ["received"])
        inbox.await_exactly(["pushed"])
        handle = receive(consumer, 1, 20)["received"]
        received_at = time.monotonic()
        scene.runner.restart(scene.broker)
        restarted_at = time.monotonic()
        expect.eventually_succeeds("the ack with the old handle", lambda: consumer.ack(handle))
        again = []

        def time_is_over():
            again.extend(message.body.decode() for message in consumer.receive(1, 20))
            return time.monotonic() > max(received_at + 21, restarted_at + WATCHED_S)

        expect.eventually("the time to pass", True, time_is_over)
        expect.equal("what came again although it was acknowledged", [], again)
        expect.equal("what was pushed", ["pushed"], inbox.bodies())
        done.set()
        scene.send_bodies(pushed, ["next"])
        inbox.await_exactly(["pushed", "next"])


def restart(scene):
    """All clients of before go on after."""
    with RESTARTS:
        scene.broker = scene.options.restartable
        topic = scene.topic("NORMAL", 2)
        inbox = scene.push(scene.group(), topic)
        scene.send_bodies(topic, ["before"])
        inbox.await_all(["before"])
        scene.runner.restart(scene.broker)
        expect.eventually_succeeds("sending after the restart", lambda: scene.send_bodies(topic, ["after"]))
        inbox.await_all(["after"])


def one_of_two_brokers_dies(scene):
    pair = scene.options.pair
    topic = scene.topic("NORMAL", 2, brokers=pair)
    group = scene.group(brokers=pair)
    # It is told of one broker and learns of the other. (A list of two is not served: README says why.)
    endpoint = scene.grpc(pair[1])
    inbox = scene.push(group, topic, endpoints=endpoint)
    producer = scene.start(Producer(scene.configuration(endpoint), (topic,)))
    for body in numbered("before", 8):
        producer.send(new_message(topic, body))
    inbox.await_exactly(numbered("before", 8))
    scene.runner.kill(pair[0])
    for body in numbered("after", 20):
        expect.eventually_succeeds(f"sending {body}", lambda body=body: producer.send(new_message(topic, body)))
    inbox.await_all(numbered("after", 20))


restart_with_messages_in_process.needs = ("restartable", "durable")
# Apache's proxy gives this client nothing until it sends its settings again, which it does after minutes.
restart.needs = ("restartable", "durable")
one_of_two_brokers_dies.needs = ("pair",)

CASES = [restart_with_messages_in_process, restart, one_of_two_brokers_dies]
