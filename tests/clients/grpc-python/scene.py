"""The stage of one case: names of its own, and clients that are shut down when the case ends."""

import threading
import time

import expect
import remoting
from inbox import Inbox
from rocketmq import (ClientConfiguration, ConsumeResult, Credentials, FilterExpression, Message, MessageListener, Producer,
                      PushConsumer, SimpleConsumer)

# How often a message of a group that says nothing else comes again.
RETRIES = 16
# The shortest time that servers wait for messages.
WAIT_S = 5
# One program has one restartable broker, so that cases which restart it take turns.
RESTARTS = threading.Lock()


class Received:
    """One message as a consumer got it, when, and for the how manieth time."""

    def __init__(self, message):
        self.body = message.body.decode()
        self.at = time.time()
        self.attempt = message.delivery_attempt
        self.message = message


class PushInbox(Inbox, MessageListener):
    """What one push consumer has received; once it is there the listener is asked."""

    def __init__(self, listener):
        super().__init__()
        self._listener = listener

    def consume(self, message):
        self.add(Received(message))
        return self._listener(message)


def succeed(_message):
    return ConsumeResult.SUCCESS


def new_message(topic, body, group=None):
    message = Message()
    message.topic = topic
    message.body = body.encode()
    if group:
        message.message_group = group
    return message


class Scene:
    def __init__(self, name, options, runner):
        self.name = name
        self.options = options
        self.runner = runner
        # The broker that this case uses.
        self.broker = options.broker
        # Whether clients that are started from now on speak TLS.
        self.tls = False
        self._open = []
        self._producer = None

    def close(self):
        """Does not wait: a push consumer ends when its last poll has ended."""

        def close_all():
            for client in reversed(self._open):
                client.shutdown()

        threading.Thread(target=close_all, daemon=True).start()

    def unique(self, part):
        """A name that no other case and no other run uses."""
        return f"{self.name}-{part}-{self.options.run}"

    def remoting(self, broker=None):
        return self.options.brokers[broker or self.broker].remoting

    def grpc(self, broker=None):
        return self.options.brokers[broker or self.broker].grpc

    def topic(self, message_type, queues=1, part="topic", brokers=None):
        """A new topic for messages of this type: NORMAL, FIFO, DELAY or TRANSACTION."""
        topic = self.unique(part)
        for broker in brokers or [self.broker]:
            remoting.create_topic(self.remoting(broker), topic, message_type, queues)
        expect.eventually_succeeds(f"the route of {topic}", lambda: remoting.route(self.options.name_server, topic))
        return topic

    def group(self, orderly=False, retries=RETRIES, part="group", brokers=None):
        """A new group whose failed messages come again after a second."""
        group = self.unique(part)
        for broker in brokers or [self.broker]:
            remoting.create_group(self.remoting(broker), group, orderly, retries)
        return group

    def configuration(self, endpoints=None):
        return ClientConfiguration(endpoints or self.grpc(), Credentials(), request_timeout=10)

    def start(self, client):
        client.startup()
        self._open.append(client)
        return client

    def producer(self, topic):
        """The case's producer, which is made for this topic."""
        if self._producer is None:
            self._producer = self.start(Producer(self.configuration(), (topic,), tls_enable=self.tls))
        return self._producer

    def transaction_producer(self, topic, checker):
        return self.start(Producer(self.configuration(), (topic,), checker=checker))

    def send(self, *messages):
        """Sends these messages in this order, each as soon as the one before was acknowledged."""
        return [self.producer(message.topic).send(message) for message in messages]

    def send_bodies(self, topic, bodies):
        return self.send(*(new_message(topic, body) for body in bodies))

    def push(self, group, topic, listener=succeed, expression=None, endpoints=None):
        """Starts a push consumer whose messages go to the returned inbox and then to the listener."""
        inbox = PushInbox(listener)
        subscription = {topic: expression or FilterExpression()}
        self.start(PushConsumer(
            self.configuration(endpoints), group, inbox, subscription, consumption_thread_count=4, tls_enable=self.tls))
        return inbox

    def simple(self, group, topic):
        """Starts a simple consumer that waits for messages as shortly as servers do."""
        return self.start(SimpleConsumer(self.configuration(), group, {topic: FilterExpression()}, await_duration=WAIT_S))

    def await_dead_letters(self, group, count):
        expect.eventually(f"the dead letters of {group}", count, lambda: remoting.max_offset(self.remoting(), f"%DLQ%{group}", 0))


def receive(consumer, count, invisible_s):
    """Asks until there are this many messages; they are returned by body."""
    messages = {}

    def enough():
        messages.update((message.body.decode(), message) for message in consumer.receive(count, invisible_s))
        return len(messages)

    expect.eventually("the number of received messages", count, enough)
    return messages


def nothing_left(what, consumer):
    """Asks once more and expects nothing."""
    expect.equal(what, [], [message.body.decode() for message in consumer.receive(10, 60)])
