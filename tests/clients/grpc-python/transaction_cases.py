"""Messages that nobody sees before their transaction is committed."""

import os
import subprocess
import sys

import expect
from inbox import numbered
from rocketmq import TransactionChecker, TransactionResolution
from scene import Scene, new_message


class Checker(TransactionChecker):
    """Answers checks as it was told to for each body; unknown otherwise."""

    def __init__(self):
        self.when_asked = {}
        self.checks = []

    def check(self, message):
        self.checks.append(message)
        return self.when_asked.get(message.body.decode(), TransactionResolution.TRANSACTION_RESOLUTION_UNSPECIFIED)

    def of(self, body):
        return [message for message in list(self.checks) if message.body.decode() == body]


def half(producer, topic, body):
    message = new_message(topic, body)
    message.tag = "tag"
    message.keys = f"key-{body}"
    message.add_property("mine", f"value-{body}")
    transaction = producer.begin_transaction()
    return transaction, producer.send(message, transaction)


def transaction_after_producer_died(scene):
    """The half message's producer was killed before it could say how its transaction ended: another one of the topic is asked."""
    topic = scene.topic("TRANSACTION")
    inbox = scene.push(scene.group(), topic)
    broker = f"{scene.broker}={scene.remoting()}/{scene.grpc()}"
    subprocess.run([sys.executable, "-B", os.path.join(os.path.dirname(__file__), "main.py"), "orphan", "--brokers", broker,
                    "--broker", scene.broker, "--topic", topic, "--work", scene.options.work], check=True, timeout=expect.WAIT_S)
    checker = Checker()
    checker.when_asked["orphan"] = TransactionResolution.COMMIT
    scene.transaction_producer(topic, checker)
    inbox.await_exactly(["orphan"])
    expect.holds("a check of the living producer", checker.of("orphan"), "none")


def leave_behind(options):
    """The other process of the case above."""
    scene = Scene("orphan", options, None)
    half(scene.transaction_producer(options.topic, Checker()), options.topic, "orphan")
    # No farewell to the server.
    os._exit(0)


def transaction_checked(scene):
    topic = scene.topic("TRANSACTION")
    checker = Checker()
    producer = scene.transaction_producer(topic, checker)
    inbox = scene.push(scene.group(), topic)
    checker.when_asked["rollback"] = TransactionResolution.ROLLBACK
    _, sent = half(producer, topic, "commit")
    half(producer, topic, "rollback")
    expect.eventually("several checks of the transaction that stays unknown", True, lambda: len(checker.of("commit")) >= 2)
    expect.eventually("the checks of the other one", 1, lambda: len(checker.of("rollback")))
    expect.equal("what was received before a commit", [], inbox.bodies())
    checker.when_asked["commit"] = TransactionResolution.COMMIT
    inbox.await_exactly(["commit"])
    check = checker.of("commit")[0]
    expect.equal("the topic that the producer is asked about", topic, check.topic)
    expect.equal("the message that it is asked about", sent.message_id, check.message_id)
    expect.equal("the tag", "tag", check.tag)
    expect.equal("the property", "value-commit", check.properties.get("mine"))


def transaction_ended(scene):
    topic = scene.topic("TRANSACTION", 2)
    checker = Checker()
    producer = scene.transaction_producer(topic, checker)
    inbox = scene.push(scene.group(), topic)
    receipt = None
    for i in range(5):
        committed, receipt = half(producer, topic, f"commit-{i}")
        committed.commit()
        rolled_back, _ = half(producer, topic, f"rollback-{i}")
        rolled_back.rollback()
    inbox.await_all(numbered("commit", 5))
    # Whoever is asked later would have been asked about the others too.
    checker.when_asked["last"] = TransactionResolution.COMMIT
    half(producer, topic, "last")
    inbox.await_all(["last"])
    expect.equal("the messages that were received", 6, len(inbox.all()))
    received = inbox.of("commit-4")[0].message
    expect.equal("the topic", topic, received.topic)
    expect.equal("the id", receipt.message_id, received.message_id)
    expect.equal("the tag", "tag", received.tag)
    expect.equal("the keys", {"key-commit-4"}, set(received.keys))
    expect.equal("the property", "value-commit-4", received.properties.get("mine"))


CASES = [transaction_after_producer_died, transaction_checked, transaction_ended]
