"""The stage of one case: names and clients of its own."""

import time

import expect
import remoting
from inbox import Inbox
from rocketmq.client import Message, MessageModel, Producer, PullConsumer, PushConsumer, RecvMessage
from rocketmq.exceptions import ffi_check
from rocketmq.ffi import _CConsumeStatus as ConsumeStatus, dll

# How often a message of a group that says nothing else comes again.
RETRIES = 16
# All clients of the process; the package shuts down those that nobody has any more.
KEPT = []
SUCCESS, LATER = ConsumeStatus.CONSUME_SUCCESS, ConsumeStatus.RECONSUME_LATER


class Received:
    """One message as a consumer got it, and when. The library's own is gone once it has been handed over."""

    def __init__(self, message):
        self.at = time.time()
        self.id, self.topic, self.body = message.id, message.topic, message.body.decode()
        self.tags, self.keys, self.retried = message.tags.decode(), message.keys.decode(), message.reconsume_times
        self.queue, self.offset, self.stored_bytes = message.queue_id, message.queue_offset, message.store_size
        self.colour = message["colour"]


class Consumer(PushConsumer):
    """The package tells the library of success even where a listener raises; here the listener's answer is what it is told."""

    def listen(self, topic, expression, listener):
        inbox = Inbox()

        def callback(_consumer, message):
            received = Received(RecvMessage(message))
            inbox.add(received)
            return listener(received).value

        ffi_check(dll.Subscribe(self._handle, topic.encode(), expression.encode()))
        self._register_callback(callback)
        return inbox


def succeed(_received):
    return SUCCESS


def new_message(topic, body, tag=None, keys=None, **properties):
    message = Message(topic)
    message.set_body(body)
    if tag:
        message.set_tags(tag)
    if keys:
        message.set_keys(keys)
    for name, value in properties.items():
        message.set_property(name, value)
    return message


class Scene:
    def __init__(self, name, options, runner):
        self.name = name
        self.options = options
        self.runner = runner
        # The broker that this case uses.
        self.broker = options.broker
        self._made = 0
        self._producer = None

    def close(self):
        """Nothing is shut down before the process ends: the library interrupts threads then, which ends the process now and then."""

    def unique(self, part):
        """A name that no other case and no other run uses."""
        self._made += 1
        return f"{self.name}-{part}-{self._made}-{self.options.run}"

    @property
    def address(self):
        return self.options.brokers[self.broker]

    def topic(self, queues=1):
        topic = self.unique("topic")
        remoting.create_topic(self.address, topic, "NORMAL", queues)
        expect.eventually_succeeds(f"the route of {topic}", lambda: remoting.route(self.options.name_server, topic))
        return topic

    def group(self, orderly=False, retries=RETRIES):
        """A new group whose failed messages come again after a second."""
        group = self.unique("group")
        remoting.create_group(self.address, group, orderly, retries)
        return group

    def start(self, client):
        client.set_namesrv_addr(self.options.name_server)
        client.start()
        KEPT.append(client)
        return client

    @property
    def producer(self):
        """The case's producer."""
        if self._producer is None:
            producer = Producer(self.unique("producers"), timeout=30_000, max_message_size=4 * 1024 * 1024)
            # Producers of one name share a client, which fails when several threads make it connect at once.
            ffi_check(dll.SetProducerInstanceName(producer._handle, self.unique("instance").encode()))
            self._producer = self.start(producer)
            # A send fails when a thread of the client's own is just about to connect.
            first = self.topic()
            expect.eventually_succeeds("the first send", lambda: producer.send_sync(new_message(first, "first")))
        return self._producer

    def send_bodies(self, topic, bodies):
        return [self.producer.send_sync(new_message(topic, body)) for body in bodies]

    def push(self, group, topic, listener=succeed, expression="*", orderly=False, model=MessageModel.CLUSTERING):
        """Starts a push consumer whose messages go to the returned inbox and then to the listener."""
        consumer = Consumer(group, orderly, model)
        # Clients of one name share everything, and may not be of one group.
        consumer.set_instance_name(self.unique("instance"))
        consumer.set_thread_count(4)
        inbox = consumer.listen(topic, expression, listener)
        self.start(consumer)
        return inbox

    def pull(self, group):
        return self.start(PullConsumer(group))

    def await_dead_letters(self, group, count):
        expect.eventually(f"the dead letters of {group}", count, lambda: remoting.max_offset(self.address, f"%DLQ%{group}", 0))
