"""Twenty hosts that switch together, whatever their clocks say, three hundred that get one file, and two that get a very large one."""

import os
import statistics
import shutil
import subprocess
import threading
import time

from lab import SWOOP, Compressed, Fleet, Line, Network, Place, memory, new_file, row, wait_for

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def ready(fleet, network, place, count, wrap=lambda number: None, size=1 << 20):
    """A sender and targets, whose agents run."""
    os.makedirs(f"{place}/source")
    new_file(f"{place}/source/content", size)
    token = fleet.enrolment(count + 1)
    agents = [fleet.agent(network.hosts[0], "sender", token, f"send: {{roots: [\"{place}/source\"]}}\n")]
    for number in range(count):
        os.makedirs(f"{place}/root{number}")
        agents.append(fleet.agent(network.hosts[number + 1], f"r{number}", token,
                                  f"receive: {{roots: [\"{place}/root{number}\"], reserve: 0}}\n", wrap(number)))
    for agent in agents:
        agent.listening()
    wait_for("all nodes", lambda: len(fleet.call("GET", "/v1/nodes?limit=1000&state=present")["items"]) == count + 1, 120)
    return agents


def send(network, sender, source, name, timeout=1800):
    begun = time.monotonic()
    done = subprocess.run(network.hosts[0].prefix + [SWOOP, "send", "-c", name, "-p", source, "--data", sender.data, "--quiet"],
                          capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return time.monotonic() - begun


def together(arguments):
    """A rename changes the time of a file's inode, which is the machine's own, not what a host takes for the time."""
    count, skews = 20, []
    with Place() as place, Network([Line()] * (count + 1)) as network, Fleet(place, network.tracker) as fleet:
        # The second `env` is the first program that the library changes the environment of: Swift's runtime looks for arguments there.
        agents = ready(fleet, network, place, count, lambda number: [
            "env", f"LD_PRELOAD={FAKETIME}", "FAKETIME_DONT_FAKE_MONOTONIC=1", f"FAKETIME=+{number * 190}s", "env"] if number else None)
        fleet.define("c", targets='name~"^r"', senders=["node:sender"], dest="d", switch="together")
        for _ in range(arguments.reps):
            new_file(f"{place}/source/content", 1 << 20)
            send(network, agents[0], f"{place}/source/content", "c")
            times = [os.stat(f"{place}/root{number}/d/content").st_ctime_ns for number in range(count)]
            skews.append((max(times) - min(times)) / 1e9)
    row(f"together: {count} nodes, clocks up to an hour apart", f"{statistics.median(skews):.3f} s (at most {max(skews):.3f})", "0.5 s",
        max(skews) <= 0.5)


def wide(arguments):
    """Copies are counted at the sender's interface, headers included."""
    count, size = arguments.wide, 64 << 20
    with Place() as place, Network([Line()] * (count + 1)) as network, Fleet(place, network.tracker) as fleet:
        agents = ready(fleet, network, place, count, size=size)
        idle = [memory(agent.pid) for agent in agents]
        fleet.define("c", targets='name~"^r"', senders=["node:sender"], dest="d")
        time.sleep(5)
        before = network.hosts[0].counters()[1]
        seconds = send(network, agents[0], f"{place}/source/content", "c")
        copies = (network.hosts[0].counters()[1] - before) / size
        most = max(memory(agent.pid, "VmHWM") for agent in agents)
    row(f"{count} real agents, 64 MiB: the sender sends", f"{copies:.2f} copies, {seconds:.0f} s", "1.3 copies", copies <= 1.3)
    print(f"    RssAnon of an idle agent {statistics.median(idle):.1f} MiB; RSS of an agent at most {most:.0f} MiB", flush=True)


class Most:
    """The largest `RssAnon` in MiB of some processes, looked at twice a second."""

    def __init__(self, pids):
        self.pids, self.most, self.over = pids, {pid: 0 for pid in pids}, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.over.wait(0.5):
            for pid in self.pids:
                self.most[pid] = max(self.most[pid], memory(pid))

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def large(arguments):
    """Zeros, on a file system that compresses them: the bytes that are read, sent, checked and written are as many as of any file."""
    figures = {}
    for size in (10 ** 9, arguments.gigabytes * 10 ** 9):
        with Compressed(max(20, 4 * arguments.gigabytes)) as place, Network([Line()] * 3) as network, \
                Fleet(place, network.tracker) as fleet:
            agents = ready(fleet, network, place, 2)
            with open(f"{place}/source/content", "wb") as file:
                file.truncate(size)
            fleet.define("c", targets='name~"^r"', senders=["node:sender"], dest="d")
            before = network.hosts[0].counters()[1]
            with Most([agent.pid for agent in agents]) as most:
                seconds = send(network, agents[0], f"{place}/source/content", "c", 7200)
            copies = (network.hosts[0].counters()[1] - before) / size
            for number in range(2):
                if os.path.getsize(f"{place}/root{number}/d/content") != size:
                    raise RuntimeError(f"r{number} has another file")
            figures[size] = [most.most[agent.pid] for agent in agents]
            shutil.rmtree(f"{place}/source")
    row(f"{size / 1e9:.0f} GB to 2: the sender sends", f"{copies:.2f} copies, {seconds:.0f} s", "1.3 copies", copies <= 1.3)
    for number, role in enumerate(("sender", "first receiver", "second receiver")):
        one, all = figures[10 ** 9][number], figures[size][number]
        row(f"RssAnon of the {role}, at most", f"{all:.0f} MiB (1 GB: {one:.0f})", "as for 1 GB", all <= 1.2 * one + 8)
