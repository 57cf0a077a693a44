"""One client with an access key and a secret key, or without: sends messages and consumes them.

Prints `served`, or `refused` and why. Arguments: endpoint, topic, group, and the two keys.
"""

import os
import sys
import time

from rocketmq import ClientConfiguration, Credentials, FilterExpression, Message, Producer, SimpleConsumer

MESSAGES = 3


def send(configuration, topic):
    producer = Producer(configuration, (topic,))
    producer.startup()
    for number in range(MESSAGES):
        message = Message()
        message.topic = topic
        message.body = f"body-{number}".encode()
        producer.send(message)


def consume(configuration, topic, group):
    consumer = SimpleConsumer(configuration, group, {topic: FilterExpression()}, 5)
    consumer.startup()
    bodies = set()
    deadline = time.monotonic() + 60
    while len(bodies) < MESSAGES:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {bodies} came within a minute")
        for message in consumer.receive(MESSAGES, 30) or []:
            bodies.add(message.body)
            consumer.ack(message)


def main():
    endpoint, topic, group, *keys = sys.argv[1:]
    configuration = ClientConfiguration(endpoint, Credentials(*keys) if keys else Credentials(), request_timeout=30)
    try:
        send(configuration, topic)
        consume(configuration, topic, group)
        print("served", flush=True)
    except Exception as error:
        print("refused:", repr(error).replace("\n", " "), flush=True)
    # The client's threads would go on.
    os._exit(0)


if __name__ == "__main__":
    main()
