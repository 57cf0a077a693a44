"""A TCP relay that keeps every remoting frame it passes on.

It forwards bytes untouched and cuts a copy of them into frames. What a frame means is read only as far as is needed to
find it again: its code, whether it asks or answers, and, for an answer, the code of the request that it belongs to.
"""

import json
import socket
import struct
import threading
from dataclasses import dataclass

RESPONSE = 1
ONEWAY = 2


@dataclass
class Frame:
    """One frame as it crossed the relay."""

    speaker: str  # who opened the connection: "broker", or the label of the client that was running
    link: str  # what it was connected to: "namesrv" or "broker"
    kind: str  # "request", "oneway" or "response"
    by_client: bool  # sent by the end that opened the connection
    request_code: int
    code: int
    encoding: str  # of the header: "json" or "binary"
    fields: dict
    remark: str | None
    body: bytes
    raw: bytes


def parse_header(raw):
    """The parts of a header that the recorder sorts by: (code, opaque, flag, remark, fields, encoding, body)."""
    mark = struct.unpack_from(">I", raw, 4)[0]
    length = mark & 0xFFFFFF
    header, body = raw[8 : 8 + length], raw[8 + length :]
    if mark >> 24 == 0:
        h = json.loads(header)
        return h["code"], h["opaque"], h["flag"], h.get("remark"), h.get("extFields") or {}, "json", body
    code, _, _, opaque, flag, remark_length = struct.unpack_from(">hBhiii", header)
    at = 17
    remark = header[at : at + remark_length].decode() or None
    at += remark_length
    end = at + 4 + struct.unpack_from(">i", header, at)[0]
    at += 4
    fields = {}
    while at < end:
        n = struct.unpack_from(">h", header, at)[0]
        key = header[at + 2 : at + 2 + n].decode()
        at += 2 + n
        n = struct.unpack_from(">i", header, at)[0]
        fields[key] = header[at + 4 : at + 4 + n].decode()
        at += 4 + n
    return code, opaque, flag, remark, fields, "binary", body


class Conversation:
    """The frames of one connection, both ways."""

    def __init__(self, relay, link):
        self.relay, self.link, self.speaker = relay, link, relay.speaker
        self.buffers = {True: b"", False: b""}
        self.asked = {}
        self.lock = threading.Lock()

    def feed(self, from_server, data):
        with self.lock:
            buffer = self.buffers[from_server] + data
            while len(buffer) >= 4 and len(buffer) >= 4 + (size := struct.unpack_from(">i", buffer)[0]):
                self.keep(from_server, buffer[: 4 + size])
                buffer = buffer[4 + size :]
            self.buffers[from_server] = buffer

    def keep(self, from_server, raw):
        code, opaque, flag, remark, fields, encoding, body = parse_header(raw)
        if flag & RESPONSE:
            kind, request_code = "response", self.asked.pop((not from_server, opaque), -1)
        else:
            kind, request_code = "oneway" if flag & ONEWAY else "request", code
            if kind == "request":
                self.asked[(from_server, opaque)] = code
        frame = Frame(
            self.speaker, self.link, kind, not from_server, request_code, code, encoding, fields, remark, body, raw
        )
        self.relay.frames.append(frame)


class Relay:
    """Listens at each `(listen, upstream, link)` of `routes` and relays to its upstream, until `close`."""

    def __init__(self, routes):
        self.frames = []
        self.speaker = "broker"
        self.listeners = []
        for listen, upstream, link in routes:
            listener = socket.create_server(listen)
            self.listeners.append(listener)
            threading.Thread(target=self.accept, args=(listener, upstream, link), daemon=True).start()

    def accept(self, listener, upstream, link):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(upstream)
            except OSError:
                near.close()
                continue
            conversation = Conversation(self, link)
            for source, sink, from_server in ((near, far, False), (far, near, True)):
                threading.Thread(target=self.pump, args=(source, sink, from_server, conversation), daemon=True).start()

    def pump(self, source, sink, from_server, conversation):
        try:
            while data := source.recv(65536):
                conversation.feed(from_server, data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        for listener in self.listeners:
            # Closing alone does not wake the thread that waits in `accept`.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
