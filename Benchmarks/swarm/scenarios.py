"""What is measured: swarms on shaped lines with their bounds, and one pair on a line without limits."""

import filecmp
import os
import subprocess
import time
from dataclasses import dataclass, field

from network import Line, Network
from programs import ALL, PIECE, PORT, SWOOP, Libtorrent, Process

MBIT = 1e6 / 8


@dataclass
class Swarm:
    """One seed and receivers, each with its line. The bound is that of whole-file distribution: what the seed, the
    slowest downlink, all uplinks together, or the line between two sites allow."""
    name: str
    lines: list
    says: str
    trunk: float | None = None
    #: Receivers that join when the first ones have half of the content.
    late: int = 0
    #: The seed is killed once it has sent this many copies of the content.
    dies_after: float | None = None
    #: Hosts beside the receivers that serve false bytes.
    poisoners: int = 0
    peers: list = field(default_factory=lambda: ["swoop", "libtorrent", "aria2"])

    def bound(self, size):
        """Seconds for all receivers, by rates of lines alone. For late ones: from when they join."""
        seed, receivers = self.lines[0], self.lines[1:len(self.lines) - self.poisoners]
        if self.late:
            return size / (min(line.down for line in receivers[-self.late:]) * MBIT)
        bits = [size / (seed.up * MBIT), size / (min(line.down for line in receivers) * MBIT),
                len(receivers) * size / ((seed.up + sum(line.up for line in receivers)) * MBIT)]
        walled = [line for line in receivers if line.walled]
        if walled:
            # They cannot reach each other: their bytes come from those who can be dialled.
            open_ = seed.up + sum(line.up for line in receivers if not line.walled)
            bits.append(len(walled) * size / (open_ * MBIT))
        if self.trunk and any(line.site != self.lines[0].site for line in receivers):
            bits.append(size / (self.trunk * MBIT))
        return max(bits)


def equal(count, mbit=80, **more):
    return [Line(mbit, mbit, **more) for _ in range(count)]


def scenarios():
    found = [Swarm(f"one to {n}", equal(n + 1), f"{n} receivers, 80 Mbit/s each way",
                   peers=["swoop", "libtorrent", "libtorrent-super", "aria2", "transmission", "nginx+curl"])
             for n in (1, 2, 4, 8, 16)]
    found.append(Swarm("heterogeneous", equal(15) + [Line(20, 80), Line(20, 80)],
                       "sixteen receivers, two of them 20 Mbit/s up and 80 down"))
    found.append(Swarm("six of eight walled", equal(3) + equal(6, walled=True),
                       "eight receivers, six of them refuse connections"))
    found.append(Swarm("late joiners", equal(17), "eight join when the first eight have half", late=8))
    found.append(Swarm("two sites", equal(5) + equal(8, site=1), "four receivers at the seed's site, eight behind a line "
                       "of 40 Mbit/s", trunk=40))
    found.append(Swarm("seed dies", equal(9), "eight receivers; the seed is killed when one copy is out", dies_after=1.03))
    found.append(Swarm("poisoners", equal(9) + equal(4), "eight receivers and four peers that serve false bytes",
                       poisoners=4))
    return {scenario.name: scenario for scenario in found}


def make_torrent(content, tracker, path):
    subprocess.run([SWOOP, "create", content, "-o", path, "--format", "v1", "--piece-length", f"{PIECE >> 10}KiB",
                    "--tracker", f"http://{tracker}:6969/announce", "--quiet"], check=True)


def listening(host):
    """Whether something listens on the port of the programs."""
    said = subprocess.run(host.prefix + ["cat", "/proc/net/tcp"], capture_output=True, text=True).stdout
    return any(row.split()[3] == "0A" and row.split()[1].endswith(f":{PORT:04X}") for row in said.split("\n")[1:] if row)


def until(condition, seconds, step=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True


def start(program, network, torrent, content, place, started):
    """The tracker, if the program has one, and the seed, when it serves; None when it does not listen in half a minute."""
    if program.uses_tracker:
        address = f"{network.tracker.address}:6969"
        started.append(Process(network.tracker, [SWOOP, "tracker", "--http", address, "--udp", address], f"{place}/tracker"))
        time.sleep(0.3)
    seed = program.seed(network.hosts[0], torrent, content, f"{place}/seed")
    started.append(seed)
    if not until(lambda: listening(network.hosts[0]), 30):
        return None
    # Clients hash or announce before they serve.
    time.sleep(max(1.0, os.path.getsize(content) / 1e9))
    return seed


def run_swarm(name, swarm, content, place, limit):
    """One program through one scenario: a record, with `trouble` when somebody did not come to the end."""
    program, size = ALL[name](), os.path.getsize(content)
    started, record = [], {"scenario": swarm.name, "program": name, "bound": swarm.bound(size)}
    with Network(swarm.lines, swarm.trunk) as network:
        torrent = f"{place}/content.torrent"
        make_torrent(content, network.tracker.address, torrent)
        try:
            seed = start(program, network, torrent, content, place, started)
            if seed is None:
                return {**record, "trouble": "the seed does not listen"}
            count = len(swarm.lines) - 1 - swarm.poisoners
            for number in range(swarm.poisoners):
                started.append(poisoner(network.hosts[1 + count + number], torrent, size, f"{place}/poison{number}"))
            touch(place, size * count)
            begin, nodes = time.time(), []

            def join(number):
                target = f"{place}/to{number}"
                os.makedirs(target, exist_ok=True)
                nodes.append(program.receiver(network.hosts[1 + number], torrent, target, f"{place}/work{number}"))
                started.append(nodes[-1])

            for number in range(count - swarm.late):
                join(number)
            first = begin
            if swarm.late:
                half = lambda: all(host.counters()[0] >= size / 2 for host in network.hosts[1:1 + count - swarm.late])
                if not until(half, limit):
                    return {**record, "trouble": "the first receivers do not come to half"}
                first = time.time()
                for number in range(count - swarm.late, count):
                    join(number)
            if swarm.dies_after:
                if not until(lambda: network.hosts[0].counters()[1] >= swarm.dies_after * size, limit):
                    return {**record, "trouble": "the seed does not send enough"}
                seed.stop(hard=True)
            end = time.monotonic() + limit
            watched = nodes[-swarm.late:] if swarm.late else nodes
            while not all(node.finished() for node in nodes) and time.monotonic() < end:
                time.sleep(0.05)
            late = [node for node in nodes if not node.finished()]
            if late:
                return {**record, "trouble": f"{len(late)} of {count} not complete after {limit:.0f} s"}
            wrong = [n for n in range(count) if getattr(program, "stores", True) and not filecmp.cmp(
                content, f"{place}/to{n}/{os.path.basename(content)}", shallow=False)]
            if wrong:
                return {**record, "trouble": f"{len(wrong)} of {count} have wrong content"}
            seconds = sorted(node.finished() - first for node in watched)
            record.update(all=[round(node.finished() - first, 2) for node in nodes], seconds=seconds[-1], median=seconds[len(seconds) // 2], ratio=seconds[-1] / record["bound"],
                          seed_copies=network.hosts[0].counters()[1] / size)
            if swarm.trunk:
                record["crossed_copies"] = network.crossed() / size
            return record
        finally:
            for process in reversed(started):
                process.stop(hard=True)


def poisoner(host, torrent, size, work):
    """A real client that believes false bytes to be the content."""
    os.makedirs(work, exist_ok=True)
    with open(f"{work}/content.bin", "wb") as file:
        for _ in range(size // PIECE):
            file.write(os.urandom(PIECE))
    return Libtorrent().peer(host, torrent, work, work, poison=True)


def run_pair(name, content, place, limit):
    """One seed, one receiver, no limits: bytes per second, CPU seconds per GB of both, memory."""
    program, size = ALL[name](), os.path.getsize(content)
    record = {"scenario": "pair", "program": name}
    with Network([Line(), Line()]) as network:
        torrent = f"{place}/content.torrent"
        make_torrent(content, network.tracker.address, torrent)
        started = []
        try:
            seed = start(program, network, torrent, content, place, started)
            if seed is None:
                return {**record, "trouble": "the seed does not listen"}
            os.makedirs(f"{place}/to", exist_ok=True)
            touch(place, size)
            before = cpu_of_group(seed.pid)
            begin = time.time()
            node = program.receiver(network.hosts[1], torrent, f"{place}/to", f"{place}/work")
            started.append(node)
            memory = [0, 0]
            end = time.monotonic() + limit
            while not node.finished() and time.monotonic() < end:
                memory = [max(memory[0], seed.memory()), max(memory[1], node.memory())]
                time.sleep(0.1)
            if not node.finished():
                return {**record, "trouble": f"not complete after {limit:.0f} s"}
            cpu = cpu_of_group(seed.pid) - before + cpu_of_group(node.pid)
            if getattr(program, "stores", True) and not filecmp.cmp(
                    content, f"{place}/to/{os.path.basename(content)}", shallow=False):
                return {**record, "trouble": "wrong content"}
            seconds = node.finished() - begin
            return {**record, "seconds": seconds, "gbps": size / seconds / 1e9, "cpu_per_gb": cpu / (size / 1e9),
                    "seed_mb": memory[0] / 1e6, "receiver_mb": memory[1] / 1e6}
        finally:
            for process in reversed(started):
                process.stop(hard=True)


def touch(place, size):
    """Makes the kernel own as much free memory as a run is about to store: where the host of a virtual machine takes back
    what is free, the first touch of a page costs many times what its transfer does."""
    path, block = os.path.join(place, "touched"), b"\1" * (1 << 20)
    with open(path, "wb") as file:
        for _ in range((size >> 20) + 256):
            file.write(block)
    os.remove(path)


def cpu_of_group(group):
    """CPU seconds so far of the processes of a group, those that they have waited for included."""
    total, tick = 0, os.sysconf("SC_CLK_TCK")
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.getpgid(int(entry)) == group:
                    with open(f"/proc/{entry}/stat") as stat:
                        total += sum(int(word) for word in stat.read().rsplit(")", 1)[1].split()[11:15])
            except (OSError, ProcessLookupError):
                pass
    return total / tick


def run_create(content, place):
    """Seconds to make a torrent of one file in memory, by each program that can. Each runs twice, and the second run counts:
    how fast processors begin depends on what ran before."""
    size, piece = os.path.getsize(content), PIECE
    def libtorrent(flag):
        code = ("import libtorrent as l,sys; s=l.file_storage(); l.add_files(s, sys.argv[1]); "
                f"t=l.create_torrent(s, {piece}, {flag}); l.set_piece_hashes(t, sys.argv[2]); l.bencode(t.generate())")
        return [Libtorrent.python(), "-c", code, content, os.path.dirname(content)]
    swoop = [SWOOP, "create", content, "-o", f"{place}/t.torrent", "--piece-length", f"{piece >> 10}KiB", "--quiet"]
    words = {
        ("swoop", "v1"): swoop + ["--format", "v1"], ("swoop", "v2"): swoop + ["--format", "v2"],
        ("swoop", "hybrid"): swoop + ["--format", "hybrid"],
        ("mktorrent -t 2", "v1"): ["mktorrent", "-t", "2", "-l", "20", "-o", f"{place}/t.torrent", content],
        ("libtorrent", "v1"): libtorrent("l.create_torrent.v1_only"),
        ("libtorrent", "v2"): libtorrent("l.create_torrent.v2_only"), ("libtorrent", "hybrid"): libtorrent("0"),
    }
    for (name, form), command in words.items():
        for _ in range(2):
            begin = time.monotonic()
            done = subprocess.run(command, capture_output=True, text=True)
            seconds = time.monotonic() - begin
            if os.path.exists(f"{place}/t.torrent"):
                os.remove(f"{place}/t.torrent")
        record = {"scenario": f"create {form}", "program": name}
        if done.returncode:
            yield {**record, "trouble": done.stderr.strip()[-200:]}
        else:
            yield {**record, "seconds": seconds, "gbps": size / seconds / 1e9}
