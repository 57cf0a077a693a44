"""One client with an access key and a secret key, or without: sends messages and consumes them. Prints `served`, or `refused` and why.
Arguments: name server, topic, and the two keys."""

import os
import sys
import threading

from rocketmq.client import Message, Producer, PushConsumer

MESSAGES = 3
WAIT_S = 60


def start(client, name_server, keys):
    client.set_namesrv_addr(name_server)
    if keys:
        client.set_session_credentials(*keys, "ALIYUN")
    client.start()
    return client


def main():
    name_server, topic, *keys = sys.argv[1:]
    bodies, complete = set(), threading.Event()

    def take(message):
        bodies.add(message.body)
        if len(bodies) == MESSAGES:
            complete.set()

    try:
        producer = start(Producer(f"producers-of-{topic}", timeout=30_000), name_server, keys)
        for number in range(MESSAGES):
            message = Message(topic)
            message.set_body(f"body-{number}")
            producer.send_sync(message)
        consumer = PushConsumer(f"consumers-of-{topic}")
        consumer.subscribe(topic, take)
        start(consumer, name_server, keys)
        if not complete.wait(WAIT_S):
            raise TimeoutError(f"only {bodies} came within {WAIT_S} s")
        print("served", flush=True)
    except Exception as error:
        print("refused:", repr(error).replace("\n", " "), flush=True)
    # The client's threads would go on.
    os._exit(0)


if __name__ == "__main__":
    main()
