"""Hosts as network namespaces round a switch, each with a line of its own; all of it goes with the context."""

import os
import subprocess
from dataclasses import dataclass


def run(*words):
    subprocess.run([str(w) for w in words], check=True, stdout=subprocess.DEVNULL)


@dataclass
class Line:
    """A host's line in Mbit/s; None is as fast as the machine. A walled host refuses connections from outside."""
    up: float | None = None
    down: float | None = None
    walled: bool = False
    site: int = 0


class Host:
    def __init__(self, space, address, line):
        self.space, self.address, self.line = space, address, line
        self.prefix = ["ip", "netns", "exec", space]

    def counters(self):
        """Bytes that its interface received and sent, headers included."""
        def read(name):
            path = f"/sys/class/net/eth0/statistics/{name}_bytes"
            return int(subprocess.run(self.prefix + ["cat", path], capture_output=True, text=True).stdout or 0)
        return read("rx"), read("tx")


def hardware(address):
    """The hardware address of a host, made of its own."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))


class CubicAllowed:
    """A namespace may choose only what the machine allows to all: CUBIC is among that for as long as this lasts."""
    key = "net.ipv4.tcp_allowed_congestion_control"

    def __enter__(self):
        self.before = subprocess.run(["sysctl", "-n", self.key], check=True, capture_output=True, text=True).stdout.strip()
        run("sysctl", "-qw", f"{self.key}={self.before} cubic")

    def __exit__(self, *_):
        run("sysctl", "-qw", f"{self.key}={self.before}")


class Network:
    """`lines[0]` is the seed's. `trunk`: Mbit/s of the line between two sites, each with a switch. The tracker stands at
    site 0 and has no limit. Each site has a /24 of its own, within one /16 that all see, so that nothing is routed."""

    def __init__(self, lines, trunk=None):
        self.lines, self.trunk = lines, trunk
        self.name = f"swb{os.getpid()}"
        self.spaces, self.hosts = [], []

    def space(self, name):
        space = f"{self.name}-{name}"
        run("ip", "netns", "add", space)
        self.spaces.append(space)
        run("ip", "-n", space, "link", "set", "lo", "up")
        # Whatever the machine's own is.
        with CubicAllowed():
            run("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=cubic")
        return space

    def __enter__(self):
        try:
            self.hub = self.space("hub")
            for site in sorted({line.site for line in self.lines} | {0}):
                run("ip", "-n", self.hub, "link", "add", f"site{site}", "type", "bridge")
                run("ip", "-n", self.hub, "link", "set", f"site{site}", "up")
            if self.trunk:
                run("ip", "-n", self.hub, "link", "add", "trunk0", "type", "veth", "peer", "name", "trunk1")
                for end in (0, 1):
                    run("ip", "-n", self.hub, "link", "set", f"trunk{end}", "master", f"site{end}", "up")
                    self.shape(self.hub, f"trunk{end}", self.trunk)
            self.tracker = self.plug(250, Line())
            # 250 is the tracker's.
            self.hosts = [self.plug(number + 1 + (number >= 249), line) for number, line in enumerate(self.lines)]
            self.introduce()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for space in reversed(self.spaces):
            subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)

    def plug(self, number, line):
        space, port = self.space(f"h{number}"), f"p{number}"
        address = f"10.83.{line.site + 100 * (number // 251)}.{number % 251 or 251}"
        run("ip", "link", "add", "eth0", "address", hardware(address), "netns", space, "type", "veth", "peer", "name", port,
            "netns", self.hub)
        run("ip", "-n", space, "addr", "add", f"{address}/16", "dev", "eth0")
        run("ip", "-n", space, "link", "set", "eth0", "up")
        run("ip", "-n", self.hub, "link", "set", port, "master", f"site{line.site}", "up")
        self.shape(space, "eth0", line.up)
        self.shape(self.hub, port, line.down)
        if line.walled:
            rules = ("table inet wall { chain in { type filter hook input priority 0; iifname != lo "
                     "tcp flags & (syn | ack) == syn reject with tcp reset; }; }")
            run("ip", "netns", "exec", space, "nft", rules)
        return Host(space, address, line)

    def introduce(self):
        """Tells all hosts each other's hardware addresses. A question for one goes to all, which real hosts look at each by itself:
        here one machine would do it for all of them, a tenth of what 200 hosts that meet take. The table of neighbours, which
        all namespaces of a machine share, has no limit for such entries either. And a switch that is a bridge here asks no
        packet filter, as no switch does."""
        for filter in ("arptables", "iptables", "ip6tables"):
            subprocess.run(["ip", "netns", "exec", self.hub, "sysctl", "-qw", f"net.bridge.bridge-nf-call-{filter}=0"],
                           stderr=subprocess.DEVNULL)
        ends = [self.tracker] + self.hosts
        for end in ends:
            lines = "".join(f"neigh replace {other.address} lladdr {hardware(other.address)} dev eth0 nud permanent\n"
                            for other in ends if other is not end)
            subprocess.run(["ip", "-n", end.space, "-batch", "-"], input=lines, text=True, check=True)

    @staticmethod
    def shape(space, device, mbit):
        if mbit:
            burst = max(65536, int(mbit * 1250))
            run("tc", "-n", space, "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{mbit}mbit",
                "burst", burst, "latency", "50ms")

    def crossed(self):
        """Bytes that went over the trunk towards site 1, headers included."""
        path = "/sys/class/net/trunk0/statistics/tx_bytes"
        read = subprocess.run(["ip", "netns", "exec", self.hub, "cat", path], capture_output=True, text=True)
        return int(read.stdout or 0)
