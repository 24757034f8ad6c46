"""One file from one host to twenty, by the seed's three cases, and beside other programs."""

import filecmp
import fcntl
import os
import shutil
import subprocess
import time

import peers
from lab import MBIT, Fleet, Line, Network, Place, SWOOP, machine_busy, memory, new_file, row


CONTROLS = 3


class Targets:
    """Where receivers put the file: gone after each program, as all of them together fill the memory."""

    def __init__(self, place, receivers):
        self.roots = [f"{place}/root{number}" for number in range(len(receivers))]

    def __enter__(self):
        for root in self.roots:
            os.makedirs(root)
        return [f"{root}/content" for root in self.roots]

    def __exit__(self, *_):
        for root in self.roots:
            shutil.rmtree(root, ignore_errors=True)


def check(source, copies):
    wrong = [copy for copy in copies if not os.path.exists(copy) or not filecmp.cmp(source, copy, shallow=False)]
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(copies)} copies are not what was sent: {wrong[0]}")


class Measured:
    """Seconds of all processors, and what others used or took, over a span."""

    def __enter__(self):
        self.begun, (self.busy, self.stolen) = time.monotonic(), machine_busy()
        return self

    def __exit__(self, *_):
        busy, stolen = machine_busy()
        self.seconds, self.busy, self.stolen = time.monotonic() - self.begun, busy - self.busy, stolen - self.stolen

    def __str__(self):
        return f"processors {self.busy:.0f} s"


def swoop(place, network, size, checks, source, keys):
    """Runs `swoop send` once for each of `checks`. Gives seconds, copies that the sender sent and processor seconds of each."""
    sender, receivers = network.hosts[0], network.hosts[1:]
    found = []
    with Fleet(place, network.tracker, controls=CONTROLS, postgres=True) as fleet:
        token = fleet.enrolment(len(receivers) + 1)
        sending = fleet.agent(sender, "sender", token, f"send: {{roots: [\"{os.path.dirname(source)}\"]}}\n")
        agents = []
        roots = [f"{place}/root{number}" for number in range(len(receivers))]
        for number, host in enumerate(receivers):
            agents.append(fleet.agent(host, f"r{number}", token, f"receive: {{roots: [\"{roots[number]}\"], reserve: 0}}\n"))
        for agent in [sending] + agents:
            agent.listening()
        for check_name in checks:
            fleet.define(f"c-{check_name}", targets='name~"^r"', senders=["node:sender"], dest="d", check=check_name,
                         **dict(key.split("=", 1) for key in keys))
        # Agents have told what they are, and wait for orders.
        time.sleep(3)
        for check_name in checks:
            with Targets(place, receivers) as copies:
                sent = sender.counters()[1]
                with Measured() as measured:
                    done = subprocess.run(
                        sender.prefix + [SWOOP, "send", "-c", f"c-{check_name}", "-p", source, "--name", "content", "--data", sending.data,
                                         "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
                if done.returncode:
                    raise RuntimeError(f"swoop send: {done.stdout}")
                out = (sender.counters()[1] - sent) / size
                most = max(memory(agent.pid) for agent in agents)
                job = fleet.call("GET", "/v1/jobs?limit=1")["items"][0]["id"]
                receipts = fleet.call("GET", f"/v1/jobs/{job}/receipts?limit=1000")["items"]
                if len(receipts) != len(receivers):
                    raise RuntimeError(f"{len(receipts)} receipts of {len(receivers)}")
                check(source, [os.path.dirname(copy) + "/d/content" for copy in copies])
                found.append((measured, out, most))
                # The agents end what they give on before their files go.
                time.sleep(3)
    return found


def deliver(arguments):
    size, count = arguments.megabytes * 1_000_000, arguments.receivers
    lock = open("/tmp/bench.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    wanted = arguments.cases
    with Place() as place:
        os.makedirs(f"{place}/source")
        source = f"{place}/source/content"
        new_file(source, size)
        if 1 in wanted:
            with Network([Line(80, 80)] * (count + 1)) as network:
                (measured, copies, most), = swoop(f"{place}", network, size, ["sha1"], source, arguments.keys)
            bound = size / (80 * MBIT)
            row(f"case 1: {count} at 80 Mbit/s, {arguments.megabytes} MB, sha1",
                f"{measured.seconds:.1f} s, {(measured.seconds - 5) / bound:.3f} T* and 5 s",
                f"1.15 T* and 5 s ({1.15 * bound + 5:.1f} s)", measured.seconds <= 1.15 * bound + 5)
            print(f"    the sender sent {copies:.2f} copies; {measured}; RssAnon of a receiver at most {most:.0f} MiB", flush=True)
            clean(place)
        if not {2, 3} & set(wanted):
            return
        with Network([Line()] * (count + 1)) as network:
            names = [name for case, name in ((2, "sha1"), (3, "none")) if case in wanted]
            ours = dict(zip(names, swoop(place, network, size, names, source, arguments.keys)))
            clean(place)
            for name, (measured, copies, most) in ours.items():
                print(f"  swoop send, check {name}: {measured.seconds:.1f} s, {copies:.2f} copies, {measured}, RssAnon at most "
                      f"{most:.0f} MiB", flush=True)
            others = {} if arguments.alone else beside(place, network, source, arguments)
            for case, name in ((2, "sha1"), (3, "none")):
                if name not in ours:
                    continue
                seconds = ours[name][0].seconds
                best = min(others.values(), default=None)
                row(f"case {case}: {count} without limits, {arguments.megabytes} MB, {name}", f"{seconds:.1f} s",
                    f"ahead of {best:.1f} s" if best else "", best and seconds < best)


def clean(place):
    """A fleet's directories; the source stays."""
    for name in os.listdir(place):
        if name != "source":
            path = f"{place}/{name}"
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.unlink(path)


def beside(place, network, source, arguments):
    sender, receivers = network.hosts[0], network.hosts[1:]
    found = {}

    def take(name, run):
        if arguments.peers and name.split()[0] not in arguments.peers:
            return
        with Targets(place, receivers) as copies:
            with Measured() as measured:
                found[name] = run(copies)
            check(source, copies)
        print(f"  {name}: {found[name]:.1f} s, {measured}", flush=True)

    take("aria2", lambda copies: peers.aria2(place, network.tracker, sender, receivers, source, copies))
    with peers.SSH(place, sender, receivers) as ssh:
        take("rsync", lambda copies: peers.rsync(ssh, source, copies))
        take("scp", lambda copies: peers.scp(ssh, source, copies))
        for forks in sorted({5, len(receivers)}):
            take(f"ansible copy, {forks} forks", lambda copies: peers.ansible(ssh, source, copies, forks))
    return found
