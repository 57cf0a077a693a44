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
    for tag in ["red", "green", "blue", "red"]:
        scene.producer.send_sync(new_message(topic, tag, tag))
    wanted = [one.body.decode() for one in consumer.pull(topic, "red || blue")]
    expect.equal("the wanted ones", ["blue", "red", "red"], sorted(wanted))


# One case, because consumers that pull have no names of their own, and share what is not made for several threads.
CASES = [pull]
