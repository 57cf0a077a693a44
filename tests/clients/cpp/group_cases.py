"""Groups of consumers: they share, or each has all; and they go on where they were, after a restart of the broker."""

import os
import subprocess
import sys
import traceback

import expect
import remoting
from inbox import numbered
from rocketmq.client import MessageModel
from scene import Scene


def send_until_all_have_some(scene, topic, members):
    """A new member starts at the end of each queue, whenever it is given the queue."""
    rounds = iter(range(1_000_000))

    def all_have_some():
        scene.send_bodies(topic, [f"try-{next(rounds)}" for _ in range(4)])
        return all(member.all() for member in members)

    expect.eventually("every member to have some", True, all_have_some)


def members_share_the_queues(scene):
    topic = scene.topic(4)
    group = scene.group()
    members = [scene.push(group, topic), scene.push(group, topic)]
    send_until_all_have_some(scene, topic, members)
    bodies = numbered("shared", 40)
    scene.send_bodies(topic, bodies)
    shared = lambda member: [body for body in member.bodies() if body.startswith("shared")]
    expect.eventually("what came", sorted(bodies), lambda: sorted(shared(members[0]) + shared(members[1])))
    expect.equal("the share of each", [20, 20], [len(shared(member)) for member in members])


def everyone_hears_a_broadcast(scene):
    topic = scene.topic(4)
    group = scene.group()
    members = [scene.push(group, topic, model=MessageModel.BROADCASTING) for _ in range(2)]
    send_until_all_have_some(scene, topic, members)
    bodies = numbered("all", 12)
    scene.send_bodies(topic, bodies)
    for member in members:
        expect.eventually("what came", sorted(bodies), lambda: sorted(body for body in member.bodies() if body.startswith("all")))


def group_goes_on_where_it_stopped(scene):
    """The first member is another process, which is gone before the second one comes."""
    topic, group = scene.topic(), scene.group()
    scene.send_bodies(topic, ["first"])
    subprocess.run([sys.executable, "-B", os.path.join(os.path.dirname(__file__), "main.py"), "member", "--topic", topic, "--group", group,
                    "--namesrv", scene.options.name_server, "--brokers", f"{scene.broker}={scene.address}", "--broker", scene.broker,
                    "--work", scene.options.work], check=True, timeout=2 * expect.WAIT_S)
    scene.send_bodies(topic, ["second"])
    scene.push(group, topic).await_exactly(["second"])


def consume_first(options):
    """What that process does: it ends as soon as the broker knows that the message has been consumed."""
    options.run = os.getpid()
    scene = Scene("member", options, None)
    try:
        scene.push(options.group, options.topic).await_exactly(["first"])
        consumed = lambda: remoting.consumer_offset(scene.address, options.group, options.topic, 0)
        expect.eventually("the group's offset", 1, consumed)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def restart(scene):
    """All clients of before go on after."""
    scene.broker = scene.options.restartable
    topic = scene.topic(2)
    inbox = scene.push(scene.group(), topic)
    ordered = scene.push(scene.group(), topic, orderly=True)
    scene.send_bodies(topic, ["before"])
    for one in inbox, ordered:
        one.await_all(["before"])
    scene.runner.restart(scene.broker)
    expect.eventually_succeeds("sending after the restart", lambda: scene.send_bodies(topic, ["after"]))
    for one in inbox, ordered:
        one.await_all(["after"])


CASES = [restart, members_share_the_queues, everyone_hears_a_broadcast, group_goes_on_where_it_stopped]
