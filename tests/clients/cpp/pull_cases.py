"""Consumers that ask when they please, and remember themselves what they have had."""

import expect
from inbox import numbered
from scene import new_message


def pull(scene):
    topic = scene.topic(4)
    consumer = scene.pull(scene.group())
    expect.equal("what an empty topic has", [], list(consumer.pull(topic)))
    for name in ["first", "second"]:
        bodies = numbered(name, 40)
        scene.send_bodies(topic, bodies)
        expect.equal(f"the {name} ones", sorted(bodies), sorted(one.body.decode() for one in consumer.pull(topic, max_num=7)))


def pull_tags(scene):
    topic = scene.topic()
    consumer = scene.pull(scene.group())
    for tag in ["red", "green", "blue", "red"]:
        scene.producer.send_sync(new_message(topic, tag, tag))
    expect.equal("the wanted ones", ["red", "blue", "red"], [one.body.decode() for one in consumer.pull(topic, "red || blue")])


CASES = [pull, pull_tags]
