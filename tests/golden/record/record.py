"""Records the golden frames and files: see README.md beside this file."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

from relay import Relay

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent
PEER = HERE.parent.parent / "peer" / "peer"
CLIENT_JARS = HERE.parents[2] / "target" / "golden" / "client-4.9.8"
# The name server's port; the broker's is 10 more. Clients talk to the relay at 127.0.0.2 and to the name server's at +30.
NAMESRV = int(os.environ.get("BASE_PORT", "20000"))
BROKER, NAMESRV_RELAY = NAMESRV + 10, NAMESRV + 30
# Not a folder of whoever runs this: some of Apache's answers name it.
STORE = Path("/tmp/apache-store")
BINARY = "-Drocketmq.serialize.type=ROCKETMQ"

# Requests beyond this are kept once for each encoding, not once for each client.
LARGE_FRAME_BYTES = 3_000
# What a body may have in it that makes it another kind of body: object keys, integer keys, zlib, kinds of heartbeats.
BODY_MARKS = [
    rb"\{\{", rb"[{,]-?\d+:", rb"^x\xda",
    rb'"heartbeatFingerprint":-?[1-9]', rb'"withoutSub":true', rb'"unitMode"', rb'"BROADCASTING"',
]  # fmt: skip

# Small files, so that each of them rolls: a commit log segment of 64 KiB, a queue file of 50 entries, an index of 120.
SMALL_FILES = """mappedFileSizeCommitLog=65536
mappedFileSizeConsumeQueue=1000
maxHashSlotNum=50
maxIndexNum=120
defaultTopicQueueNums=2
maxMessageSize=50000
flushConsumerOffsetInterval=1000
registerNameServerPeriod=10000
forceRegister=false
"""
# The broker binds one loopback address and registers another, where the relay listens.
RELAYED = f"""bindAddress=127.0.0.1
brokerIP1=127.0.0.2
brokerIP2=127.0.0.2
namesrvAddr=127.0.0.1:{NAMESRV_RELAY}
"""

# A store whose hosts are IPv6 addresses and whose records end with a checksum; nothing is relayed.
IPV6 = """bindAddress=::
brokerIP1=::1
enabledAppendPropCRC=true
"""


def client_jars():
    """The folders of the jars, by version. The launcher has no 4.9.8: only its clients were published, no servers."""
    if not CLIENT_JARS.exists():
        command = ["mvn", "-q", "-B", "-ntp", "-f", HERE / "pom.xml", f"-DoutputDirectory={CLIENT_JARS}"]
        subprocess.run([*command, "dependency:copy-dependencies"], check=True)
    peer = subprocess.run([PEER, "fetch", "5.5.0"], check=True, capture_output=True, text=True).stdout.strip()
    return {"5.5.0": peer, "4.9.8": CLIENT_JARS}


def run_server(settings, options, relay_routes, conversation):
    """Runs name server and broker with these settings while `conversation(relay)` talks to them; returns the frames."""
    shutil.rmtree(STORE, ignore_errors=True)
    extra = Path("/tmp/apache-store.conf")
    extra.write_text(settings)
    relay = Relay(relay_routes)
    environment = dict(os.environ, EXTRA_CONF=str(extra), JAVA_TOOL_OPTIONS=options)
    try:
        subprocess.run([PEER, "up", "5.5.0", STORE, str(NAMESRV)], env=environment, check=True)
        # The broker registers as soon as it is up, and asks whether that is still known each 10 s.
        time.sleep(12)
        conversation(relay)
        relay.speaker = "broker"
    finally:
        subprocess.run([PEER, "down", STORE], check=True)
        relay.close()
    return relay.frames


def clients(names, broker, *runs):
    """A conversation: Conversation.java with each client of `runs`, which are (jars, label, JVM options...)."""

    def conversation(relay):
        for jars, label, *options in runs:
            relay.speaker = label
            java = ["java", *options, f"-Duser.home={STORE}/client", "-cp", f"{jars}/*", HERE / "Conversation.java"]
            with open("/tmp/apache-store.log", "a") as log:
                subprocess.run([*java, names, broker, label], check=True, stderr=log)

    return conversation


def novelty(frame):
    """What makes a frame worth keeping: two of the same are one too many."""
    words = (frame.remark or "").split(" ")[:2]
    marks = tuple(bool(re.search(mark, frame.body)) for mark in BODY_MARKS)
    # All clients talk to the same server: what it says is kept once, what they say is kept for each.
    speaker = frame.speaker if frame.by_client and len(frame.raw) < LARGE_FRAME_BYTES else None
    return (
        speaker, frame.link, frame.kind, frame.by_client, frame.request_code, frame.code, frame.encoding,
        tuple(sorted(frame.fields)), bool(frame.body), marks, " ".join(words),
    )  # fmt: skip


def write_frames(session, frames, seen):
    """Writes one file for each speaker and yields the manifest's lines. `seen` is what other sessions have shown."""
    counts, files = {}, {}
    for frame in sorted(frames, key=lambda f: f.request_code):
        key = novelty(frame)
        if key in seen or frame.request_code == -1:
            continue
        seen.add(key)
        path = f"{session}/{frame.speaker}"
        content = files.setdefault(path, bytearray())
        name = f"{path}/{frame.request_code}-{frame.kind}"
        counts[name] = counts.get(name, 0) + 1
        yield {
            "name": f"{name}-{counts[name]}",
            "server": frame.link,
            "direction": "client to server" if frame.by_client else "server to client",
            "kind": frame.kind,
            "request_code": frame.request_code,
            "code": frame.code,
            "encoding": frame.encoding,
            "file": f"frames/{path}.frames",
            "offset": len(content),
            "length": len(frame.raw),
        }
        content += frame.raw
    for path, content in files.items():
        target = GOLDEN / "frames" / f"{path}.frames"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def write_store(name):
    """Copies the store's files, compressed with zlib (they are mostly zeros), and yields the manifest's lines."""
    folder = GOLDEN / "stores" / name
    shutil.rmtree(folder, ignore_errors=True)
    root = STORE / "store"
    wanted = ["commitlog", "consumequeue", "index", "config"]
    paths = [p for top in wanted for p in sorted((root / top).rglob("*")) if p.is_file()] + [root / "checkpoint"]
    for path in paths:
        inside = path.relative_to(root)
        content = path.read_bytes()
        if not content or path.suffix == ".bak":
            continue
        packed = zlib.compress(content, 9)
        target = folder / f"{inside}.zz"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(packed)
        yield {"store": name, "path": str(inside), "length": len(content), "file": str(target.relative_to(GOLDEN))}


def check_nothing_leaks():
    """No fixture may name this machine."""
    words = [socket.gethostname().encode(), str(Path.home()).encode() + b"/", str(HERE.parents[2]).encode()]
    for path in (p for p in GOLDEN.rglob("*") if p.is_file() and HERE not in p.parents):
        content = path.read_bytes()
        if path.suffix == ".zz":
            content = zlib.decompress(content)
        for word in words:
            if word in content:
                sys.exit(f"{path} contains {word.decode()}")


def main():
    jars = client_jars()
    new, old = jars["5.5.0"], jars["4.9.8"]
    names, broker = f"127.0.0.1:{NAMESRV_RELAY}", f"127.0.0.2:{BROKER}"
    routes = [
        (("127.0.0.1", NAMESRV_RELAY), ("127.0.0.1", NAMESRV), "namesrv"),
        (("127.0.0.2", BROKER), ("127.0.0.1", BROKER), "broker"),
    ]
    shutil.rmtree(GOLDEN / "frames", ignore_errors=True)
    frames, files, seen = [], [], set()

    recorded = run_server(SMALL_FILES + RELAYED, "", routes, clients(
        names, broker,
        (new, "5.5.0-json"),
        (new, "code-10", "-Dorg.apache.rocketmq.client.sendSmartMsg=false"),
        (new, "5.5.0-binary", BINARY, "-Drocketmq.message.compressType=LZ4"),
        (old, "4.9.8-json"),
        (old, "4.9.8-binary", BINARY),
    ))  # fmt: skip
    frames += write_frames("answers-json", recorded, seen)
    files += write_store("ipv4")

    recorded = run_server(SMALL_FILES + RELAYED, BINARY, routes, clients(names, broker, (new, "5.5.0-binary", BINARY)))
    frames += write_frames("answers-binary", recorded, seen)

    settings = SMALL_FILES + RELAYED + "compressedRegister=true\n"
    frames += write_frames("compressed-registration", run_server(settings, "", routes, clients(names, broker)), seen)

    run_server(SMALL_FILES + IPV6, "", [], clients(f"127.0.0.1:{NAMESRV}", f"::1:{BROKER}", (new, "ipv6")))
    files += write_store("ipv6")

    for name, lines in (("frames.jsonl", frames), ("files.jsonl", files)):
        (GOLDEN / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    check_nothing_leaks()


main()
