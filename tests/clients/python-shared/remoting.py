"""The remoting protocol, in which topics and groups are administered: the clients have no calls for that."""

import json
import socket
import struct

QUERY_CONSUMER_OFFSET = 14
UPDATE_AND_CREATE_TOPIC = 17
GET_MAX_OFFSET = 30
GET_ROUTE_BY_TOPIC = 105
UPDATE_AND_CREATE_GROUP = 200


class Refused(Exception):
    """The server's answer was not success."""


def call(address, code, fields=None, body=b""):
    """Sends one request over a connection of its own and returns the answer's fields."""
    host, port = address.rsplit(":", 1)
    header = {"code": code, "language": "PYTHON", "version": 500, "opaque": 1, "flag": 0, "extFields": fields or {}}
    encoded = json.dumps(header).encode()
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(struct.pack(">ii", 4 + len(encoded) + len(body), len(encoded)) + encoded + body)
        stream = connection.makefile("rb")
        # The header's length has its encoding in the highest byte: 0, JSON.
        _, header_length = struct.unpack(">ii", stream.read(8))
        answer = json.loads(stream.read(header_length))
    if answer["code"] != 0:
        raise Refused(f"code {answer['code']}: {answer.get('remark')}")
    return answer.get("extFields") or {}


def create_topic(broker, topic, message_type, queues):
    """Creates a topic for messages of this type with this many queues."""
    call(broker, UPDATE_AND_CREATE_TOPIC, {
        "topic": topic, "defaultTopic": "TBW102", "readQueueNums": str(queues), "writeQueueNums": str(queues), "perm": "6",
        "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false", "attributes": f"+message.type={message_type}",
    })


def create_group(broker, group, orderly, retries):
    """Creates a group whose failed messages come again after a second, at most `retries` times."""
    call(broker, UPDATE_AND_CREATE_GROUP, body=json.dumps({
        "groupName": group, "consumeEnable": True, "consumeMessageOrderly": orderly, "retryMaxTimes": retries, "retryQueueNums": 1,
        "groupRetryPolicy": {"type": "CUSTOMIZED", "customizedRetryPolicy": {"next": [1000]}},
    }).encode())


def create_lite_group(broker, group, parent):
    """Creates a group that consumes lite topics of this parent."""
    call(broker, UPDATE_AND_CREATE_GROUP, body=json.dumps({
        "groupName": group, "consumeEnable": True, "attributes": {"+lite.bind.topic": parent},
        "groupRetryPolicy": {"type": "CUSTOMIZED", "customizedRetryPolicy": {"next": [1000]}},
    }).encode())


def route(name_server, topic):
    """Succeeds if the name server knows the topic."""
    call(name_server, GET_ROUTE_BY_TOPIC, {"topic": topic})


def max_offset(broker, topic, queue):
    """The end of a queue."""
    return int(call(broker, GET_MAX_OFFSET, {"topic": topic, "queueId": str(queue)})["offset"])


def consumer_offset(broker, group, topic, queue):
    """How far a group is in a queue."""
    return int(call(broker, QUERY_CONSUMER_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": str(queue)})["offset"])
