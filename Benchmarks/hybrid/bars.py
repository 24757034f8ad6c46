"""The delivery node held against its bars, with the release build. Run from anywhere:

    python3 Benchmarks/hybrid/bars.py three | dead | repeat | gentask | progress | all

TMPDIR says where content goes: 'three' and 'repeat' take about 9 GiB there. SWOOP names another program to measure.
Each prints what it measured, the bar, and whether it is met; the status is 1 if one is missed.
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from network import Network, Node, digests, make, until, SWOOP

MIB = 1 << 20
missed = []


def bar(name, value, limit, unit=""):
    met = value <= limit
    print(f"  {name}: {value:.3f}{unit}, bar {limit:.3f}{unit}: {'met' if met else 'MISSED'}", flush=True)
    if not met:
        missed.append(name)


def wire():
    with open("/sys/class/net/lo/statistics/rx_bytes") as count:
        return int(count.read())


def warm(place, size):
    """Touches as much memory as a delivery will fill: a virtual machine's host may have taken back what was free, and
    the first touch of that costs many times what the delivery does."""
    path = os.path.join(place, "warm")
    block = bytes(MIB)
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(block)
    os.unlink(path)


def timed(node, file, sender):
    begin = time.monotonic()
    node.receive(file, sender)
    node.wait(file)
    return time.monotonic() - begin


def three():
    """2 GiB in 12 files, shares 1:1:1, each source at the same rate."""
    size, rate = 2048 * MIB, 48 * MIB
    print("three sources, 2 GiB in 12 files:")
    with Network() as net:
        sender = Node(net, "sender", "sender", www=True)
        films = f"{sender.base}/cfec-001/dcps"
        make(f"{films}/film", [(f"reel{n:02}.mxf", size // 12) for n in range(12)])
        total = sum(os.path.getsize(f"{films}/film/{name}") for name in os.listdir(f"{films}/film"))
        # The same bytes under another name for BitTorrent alone.
        shutil.copytree(f"{films}/film", f"{films}/alone", copy_function=os.link)
        mixed = sender.publish("film", "1:1:1", obsurl="obs://dcp/dcps/film")
        alone = sender.publish("alone", "1:0:0")
        cpu = {"mixed": [], "alone": []}
        runs = (
            ("mixed", mixed, {f"{m}limit": rate for m in ("bt", "obs", "cdn")}),
            ("alone", alone, {"btlimit": 3 * rate}),
        )
        times = []
        for round in range(2):
            for name, file, limits in runs:
                receiver = Node(net, f"{name}{round}", "receiver", avoidrepeat=False, **limits)
                warm(net.place, size)
                before = sender.cpu()
                seconds = timed(receiver, file, sender)
                used = receiver.cpu() / total * 1e9
                cpu[name].append(used)
                served = (sender.cpu() - before) / total * 1e9
                print(f"  {name}: {seconds:.2f} s, CPU of the receiver {used:.3f} s/GB, of the sender {served:.3f} s/GB")
                if name == "mixed":
                    times.append(seconds)
                    shown = receiver.progress(file)
                    print("  " + ", ".join(f"{m} {shown[m + 'percent']}" for m in ("bt", "obs", "cdn")))
                    if digests(f"{receiver.base}/film") != digests(f"{films}/film"):
                        raise RuntimeError("the copy differs")
                receiver.stop()
                shutil.rmtree(receiver.place)
        bar("time over the bound of the three rates", max(times) / (total / (3 * rate)), 1.10)
        bar("CPU per GB over that of BitTorrent alone", min(cpu["mixed"]) / min(cpu["alone"]), 1.15)


def dead():
    """One of three sources is dead from the start."""
    print("one source dead from the start, 120 MiB:")
    with Network() as net:
        sender = Node(net, "sender", "sender", www=True)
        make(f"{sender.base}/cfec-001/dcps/film", [(f"reel{n:02}.mxf", 10 * MIB) for n in range(12)])
        file = sender.publish("film", "1:1:1", obsurl="obs://dcp/dcps/film")
        source = digests(f"{sender.base}/cfec-001/dcps/film")
        nowhere = "http://127.0.0.1:9"
        for method in ("obs", "cdn", "bt"):
            # The other two are slow enough for the reason to be seen.
            receiver = Node(
                net, f"without-{method}", "receiver", btlimit="30M", obslimit="30M", cdnlimit="30M",
                **({"obsendpoint": nowhere} if method == "obs" else {}))
            path = receiver.take(file, sender)
            with open(path) as given:
                task = json.load(given)
            if method == "cdn":
                task["cdn"]["url"] = nowhere + "/film"
            with open(path, "w") as changed:
                json.dump(task, changed)
            if method == "bt":
                # Nobody tells of any peer.
                net.tracker.stop()
            begin = time.monotonic()
            receiver.must("recv", taskfile=path)
            reason = ""
            while (shown := receiver.progress(file)).get("status") != "downloaded":
                reason = shown.get("downerror") or reason
                if time.monotonic() - begin > 120:
                    raise RuntimeError(f"not within 120 s: {shown}")
                time.sleep(0.05)
            seconds = time.monotonic() - begin
            right = digests(f"{receiver.base}/film") == source
            print(f"  without {method}: {seconds:.1f} s, {'verified' if right else 'WRONG'}; it said: {reason}")
            if not right or f"{method} has no source left" not in reason:
                missed.append(f"dead {method}")


def repeat():
    """The same content once more under another name: nothing is to be moved, and it is to be as fast as a copy."""
    size = 2048 * MIB
    print("second delivery of the same 2 GiB:")
    with Network(store=False) as net:
        sender = Node(net, "sender", "sender", www=True)
        films = f"{sender.base}/cfec-001/dcps"
        make(f"{films}/film", [(f"reel{n:02}.mxf", size // 12) for n in range(12)])
        shutil.copytree(f"{films}/film", f"{films}/again", copy_function=os.link)
        first, second = (sender.publish(name, "1:0:1") for name in ("film", "again"))
        receiver = Node(net, "receiver", "receiver")
        timed(receiver, first, sender)
        os.sync()
        begin = time.monotonic()
        subprocess.run(
            ["cp", "-r", "--reflink=auto", f"{receiver.base}/film", f"{receiver.place}/copy"], check=True)
        copied = time.monotonic() - begin
        begin = time.monotonic()
        digests(f"{receiver.place}/copy")
        hashed = time.monotonic() - begin
        shutil.rmtree(f"{receiver.place}/copy")
        os.sync()
        before = wire()
        seconds = timed(receiver, second, sender)
        moved = wire() - before
        if digests(f"{receiver.base}/again") != digests(f"{films}/film"):
            raise RuntimeError("the copy differs")
        print(f"  {seconds:.2f} s; cp {copied:.2f} s and one SHA-1 pass (OpenSSL, one thread) {hashed:.2f} s")
        bar("bytes on the wire, part of the content", moved / size, 0.001)
        bar("time over cp and hash", seconds / (copied + hashed), 1.0)


def gentask():
    """A task of 20 GiB (sparse), with torrents and without."""
    size = 20 << 30
    print("gentask of 20 GiB:")
    with Network(store=False) as net:
        sender = Node(net, "sender", "sender", www=True, avoidrepeat=False)
        film = f"{sender.base}/cfec-001/dcps/film"
        os.makedirs(film)
        for number in range(10):
            with open(f"{film}/reel{number}.mxf", "wb") as file:
                file.truncate(size // 10)
        file = "cfec-001-film.task.json"
        where = {"dcppath": film, "taskfile": f"{sender.data}/sender/tmp/{file}"}
        made = {"basesubdir": "cfec-001", "btobscdn": "1:1:1", "policy": "fulltime"}

        def run():
            begin = time.monotonic()
            sender.must("gentask", **where, **made)
            until(lambda: sender.must("taskfilesquery", **where)["status"] == "finished", 600, "task made")
            return time.monotonic() - begin

        first = run()
        second = run()
        print(f"  with a reading pass {first:.1f} s")
        bar("seconds with torrents there", second, 2.0, " s")
    reading()


def reading():
    """A task of 2 GiB that is made for the first time, beside 'swoop create' as it comes (hybrid), and as v1, the format of
    the task's torrents: there a task takes two SHA-1 digests of each byte where 'create' takes one."""
    size = 2048 * MIB
    with Network(store=False) as net:
        sender = Node(net, "sender", "sender", www=True, avoidrepeat=False)
        film = f"{sender.base}/cfec-001/dcps/film"
        make(film, [(f"reel{n:02}.mxf", size // 12) for n in range(12)])
        os.sync()
        where = {"dcppath": film, "taskfile": f"{sender.data}/sender/tmp/cfec-001-film.task.json"}
        creates, tasks = {"hybrid": [], "v1": []}, []
        for _ in range(3):
            for form, times in creates.items():
                begin = time.monotonic()
                subprocess.run(
                    [SWOOP, "create", film, "-o", f"{net.place}/t.torrent", "--format", form, "--quiet"], check=True)
                times.append(time.monotonic() - begin)
                os.remove(f"{net.place}/t.torrent")
            shutil.rmtree(f"{sender.data}/sender/.hashes", ignore_errors=True)
            begin = time.monotonic()
            sender.must(
                "gentask", basesubdir="cfec-001", btobscdn="1:1:1", policy="fulltime", deloldtorrent=True, **where)
            until(lambda: sender.must("taskfilesquery", **where)["status"] == "finished", 600, "task made")
            tasks.append(time.monotonic() - begin)
        task, create = statistics.median(tasks), {form: statistics.median(times) for form, times in creates.items()}
        print(f"  2 GiB that are read (from memory): gentask {task:.2f} s, {size / task / 1e9:.2f} GB/s; swoop create "
              f"{create['hybrid']:.2f} s, with --format v1 {create['v1']:.2f} s")
        bar("gentask over swoop create", task / create["hybrid"], 1.0)


def progress():
    """progress with 200 tasks under way on a node."""
    print("progress with 200 tasks on a node:")
    with Network(store=False) as net:
        sender = Node(net, "sender", "sender", www=True, uploadingnum=200)
        hour = (time.localtime().tm_hour + 12) % 24
        receiver = Node(
            net, "receiver", "receiver", downloadingnum=200, cdntime=f"{hour:02}:00-{(hour + 1) % 24:02}:00")
        files = []
        for number in range(200):
            name = f"film{number:03}"
            make(f"{sender.base}/cfec-001/dcps/{name}", [(f"reel{n}.mxf", 20_000 + n) for n in range(12)], seed=number)
            file = f"cfec-001-{name}.task.json"
            path = f"{sender.data}/sender/tmp/{file}"
            where = {"dcppath": f"{sender.base}/cfec-001/dcps/{name}", "taskfile": path}
            sender.must("gentask", basesubdir="cfec-001", btobscdn="1:0:3", policy="priortime", **where)
            until(lambda: sender.must("taskfilesquery", **where)["status"] == "finished", 60, "task made")
            with open(path) as made:
                task = json.load(made)
            # Outside its window: it stays under way. Its share of BitTorrent is served and fetched.
            task["cdn"]["priortime"] = f"{hour:02}:00-{(hour + 1) % 24:02}:00"
            target = f"{receiver.data}/receiver/tmp/{file}"
            with open(target, "w") as given:
                json.dump(task, given)
            receiver.must("recv", taskfile=target)
            files.append(file)
        until(lambda: all(receiver.progress(f).get("status") == "downloading" for f in files), 60, "all under way")
        connection = http.client.HTTPConnection("127.0.0.1", receiver.port)
        times = []
        for number in range(2000):
            body = json.dumps({
                "message_id": "1", "method_name": "progress", "method_params": {"taskfile": files[number % 200]}})
            begin = time.monotonic()
            connection.request("POST", "/progress", body, {"Content-Type": "application/json"})
            reply = json.loads(connection.getresponse().read())
            times.append((time.monotonic() - begin) * 1000)
            assert reply["return_status"] == "true", reply
        times.sort()
        print(f"  median {statistics.median(times):.2f} ms, 99 of 100 within {times[1980]:.2f} ms, "
              f"longest {times[-1]:.2f} ms; the node uses {receiver.cpu():.1f} s of CPU so far")
        bar("99 of 100 calls", times[1980], 5.0, " ms")


if __name__ == "__main__":
    parts = {f.__name__: f for f in (three, dead, repeat, gentask, progress)}
    chosen = sys.argv[1:] or ["all"]
    if not all(name in parts or name == "all" for name in chosen):
        sys.exit(__doc__)
    for name, part in parts.items():
        if name in chosen or "all" in chosen:
            part()
    if missed:
        sys.exit("missed: " + ", ".join(missed))
