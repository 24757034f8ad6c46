"""Announces over UDP: Swoop's tracker and opentracker in turn, on loopback, one core each for the tracker and its load.

    python3 Benchmarks/tracker/run.py [--seconds 5] [--torrents 1000] [--peers 1000000] [--reps 3] [--sources 1]
    python3 Benchmarks/tracker/run.py --redis [--rate 10000] [--seconds 10] [--reps 3]

First as many announces as go in some seconds, then as many peers as --peers says, whose memory is read. CPU is that of the
tracker for each announce, which is comparable where rates are not: the load takes the other core. SWOOP names another
program to measure.

With --redis: 10,000 announces a second to Swoop's tracker alone and with peers shared in Redis, which takes the other core, in
turn; at last how much CPU the second takes of the first's. The bar is twice.
"""

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SWOOP = os.path.abspath(os.environ.get("SWOOP", os.path.join(HERE, "..", "..", ".build", "release", "swoop")))


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def status(pid, key):
    with open(f"/proc/{pid}/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


def cpu(pid):
    with open(f"/proc/{pid}/stat") as line:
        words = line.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(port):
    """Until the tracker answers datagrams: a busy machine starts it late."""
    hello = bytes.fromhex("0000041727101980") + bytes(4) + b"wait"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(0.2)
        for _ in range(100):
            try:
                one.sendto(hello, ("127.0.0.1", port))
                if one.recv(64)[4:8] == b"wait":
                    return
            except OSError:
                time.sleep(0.1)
    raise SystemExit("the tracker does not answer")


def words_of(name, port, place, hashes):
    if name.startswith("swoop"):
        shared = ["--redis", f"127.0.0.1:{name[6:]}"] if name[5:] else []
        return [SWOOP, "tracker", "--http", f"127.0.0.1:{port}", "--udp", f"127.0.0.1:{port}", *shared]
    # Debian's serves only torrents that stand in a list.
    with open(f"{place}/whitelist", "w") as file:
        file.write("".join(one.hex() + "\n" for one in hashes))
    return ["opentracker", "-i", "127.0.0.1", "-p", str(port), "-P", str(port), "-d", place, "-w", "whitelist", "-u", "nobody"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--torrents", type=int, default=1000)
    parser.add_argument("--peers", type=int, default=1_000_000)
    parser.add_argument("--sources", type=int, default=1, help="addresses that the announces come from, up to 250; more than one is for Swoop alone")
    parser.add_argument("--redis", action="store_true", help="with and without Debian's redis-server")
    parser.add_argument("--rate", type=float, default=10_000, help="with --redis: announces a second")
    parser.add_argument("--reps", type=int, default=3)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    place = tempfile.mkdtemp(prefix="swoop-tracker-")
    # opentracker runs as nobody.
    os.chmod(place, 0o755)
    try:
        load = f"{place}/announce"
        subprocess.run(["cc", "-O2", "-o", load, os.path.join(HERE, "announce.c")], check=True)
        hashes = [os.urandom(20) for _ in range(given.torrents)]
        with open(f"{place}/hashes", "wb") as file:
            file.write(b"".join(hashes))
        if given.redis:
            return compare(load, hashes, place, given)
        results = {"swoop": [], "opentracker": []}
        for _ in range(given.reps):
            for name, found in results.items():
                found.append(measure(name, load, hashes, place, given))
                print(json.dumps({"tracker": name, **found[-1]}), flush=True)
        for name, found in results.items():
            middle = {key: statistics.median(one[key] for one in found) for key in found[0]}
            print(f"{name}: {middle['per_second']:,.0f} announces/s, {middle['cpu_us']:.2f} us of CPU each, "
                  f"{middle['memory_mb']:.1f} MB with {given.peers:,} peers")
    finally:
        shutil.rmtree(place)


def compare(load, hashes, place, given):
    os.environ["RATE"] = str(given.rate)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        store_port = one.getsockname()[1]
    store = subprocess.Popen(
        ["taskset", "-c", "1", "redis-server", "--bind", "127.0.0.1", "--port", str(store_port), "--dir", place, "--save", "",
         "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        results = {"swoop": [], f"swoop:{store_port}": []}
        for _ in range(given.reps):
            for name, found in results.items():
                subprocess.run(["redis-cli", "-p", str(store_port), "FLUSHALL"], check=True, stdout=subprocess.DEVNULL)
                found.append(measure(name, load, hashes, place, given, memory=False))
                print(json.dumps({"tracker": "with Redis" if name[5:] else "alone", **found[-1]}), flush=True)
        alone, shared = (
            {key: statistics.median(one[key] for one in found) for key in ("per_second", "cpu_us", "lost")}
            for found in results.values())
        print(f"alone {alone['per_second']:,.0f}/s, {alone['cpu_us']:.2f} us each; with Redis {shared['per_second']:,.0f}/s, "
              f"{shared['cpu_us']:.2f} us each: {shared['cpu_us'] / alone['cpu_us']:.2f} times")
    finally:
        store.terminate()
        store.wait(10)


def measure(name, load, hashes, place, given, memory=True):
    def run(peers, seconds):
        """A new tracker, and so many announces to it."""
        port = free_port()
        tracker = subprocess.Popen(
            ["taskset", "-c", "0", *words_of(name, port, place, hashes)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=place)
        try:
            wait_for(port)
            memory, before = status(tracker.pid, "RssAnon"), cpu(tracker.pid)
            said = subprocess.run(
                ["taskset", "-c", "1", load, "127.0.0.1", str(port), f"{place}/hashes", str(peers), str(seconds),
                 str(given.sources)],
                capture_output=True, text=True, check=True)
            return json.loads(said.stdout), cpu(tracker.pid) - before, status(tracker.pid, "RssAnon") - memory
        finally:
            tracker.terminate()
            tracker.wait(10)

    timed, used, _ = run(0, given.seconds)
    grown = run(given.peers, 120)[2] if memory else 0
    return {
        "per_second": timed["answered"] / timed["seconds"], "cpu_us": used / max(1, timed["answered"]) * 1e6,
        "memory_mb": grown * 1024 / 1e6, "errors": timed["errors"], "lost": timed["lost"]}


main()
