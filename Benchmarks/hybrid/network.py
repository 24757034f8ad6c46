"""A delivery network on loopback for measurements: tracker, object store, and nodes, each a process of its own.

Everything lies below one directory that is removed at the end. Nothing listens on a port that was chosen beforehand,
but for the object store and the API of nodes, whose ports are asked of the system and then given to them.
"""

import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SWOOP = os.environ.get("SWOOP", os.path.join(TOP, ".build/release/swoop"))
KEYS = ("testaccess", "testsecret0123456789")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_row(count):
    """The first of `count` ports in a row that are free now, as are those 10,000 above them."""
    for _ in range(1000):
        first = random.randrange(11000, 20000)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    for each in (port, port + 10000):
                        stack.enter_context(socket.socket()).bind(("127.0.0.1", each))
            except OSError:
                continue
            return first
    raise RuntimeError("no free ports")


class Server:
    """A process with a log of its own, ended by its id."""

    def __init__(self, words, log, until=None):
        self.log = log
        self.handle = open(log, "ab")
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if until else self.handle, stderr=self.handle)
        self.said = None
        if until:
            for line in self.process.stdout:
                event = json.loads(line)
                if event.get("event") == until:
                    self.said = event
                    return
            raise RuntimeError(f"{words[1]} ended early: see {log}")

    def cpu(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, sign=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.handle.close()


class Node(Server):
    def __init__(self, network, name, role, www=False, **keys):
        self.place = os.path.join(network.place, name)
        os.makedirs(self.place, exist_ok=True)
        self.base = os.path.join(self.place, "dcp")
        self.data = os.path.join(self.place, "data")
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}"
        configuration = {
            "servertype": role, "machinetype": "local", "basedatapath": self.base, "datapath": self.data,
            "basesubdir": "cfec-001", "hashtable": os.path.join(self.place, "hashtable.txt"),
            "senderid": "cfec", "bt-obs-cdn": "1:1:1", "tracker": network.announce,
            "listen": f"127.0.0.1:{self.port}", "btlisten": "127.0.0.1:0",
            "taskroots": [self.data, network.place],
        }
        if network.store_port:
            configuration.update(
                obsendpoint=f"http://127.0.0.1:{network.store_port}", obsak=KEYS[0], obssk=KEYS[1])
        if www:
            port = free_port()
            configuration.update(
                www=f"127.0.0.1:{port}", senderdomain=f"http://127.0.0.1:{port}", cdnurl=f"http://127.0.0.1:{port}")
        configuration.update(keys)
        self.configuration = os.path.join(self.place, "config.json")
        with open(self.configuration, "w") as file:
            json.dump(configuration, file, indent=1)
        self.words = [SWOOP, "node", "--config", self.configuration, "--json"]
        super().__init__(self.words, os.path.join(self.place, "log"), until="listening")
        network.servers.append(self)

    def call(self, method, path=None, **params):
        body = {
            "message_id": "321", "message_type": "request", "message_source": "tms", "method_name": method,
            "method_params": params}
        request = urllib.request.Request(
            f"{self.api}/{path or method}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=200) as answer:
            reply = json.load(answer)
        return reply["return_status"] == "true", reply["return_content"]

    def must(self, method, **params):
        done, content = self.call(method, **params)
        if not done:
            raise RuntimeError(f"{method}: {content}")
        return content

    def get(self, path):
        with urllib.request.urlopen(self.api + path, timeout=30) as answer:
            return answer.read()

    def publish(self, name, shares, subdir="cfec-001", seconds=600, **params):
        """gentask, send, until it is ready. Returns the task file's name."""
        file = f"{subdir}-{name}.task.json"
        where = {
            "dcppath": f"{self.base}/{subdir}/dcps/{name}", "taskfile": f"{self.data}/sender/tmp/{file}"}
        self.must("gentask", basesubdir=subdir, btobscdn=shares, policy="fulltime", **where, **params)
        until(lambda: self.must("taskfilesquery", **where)["status"] == "finished", seconds, "task made")
        self.must("send", taskfile=where["taskfile"])
        until(lambda: self.must("uploadprogress", taskfile=file)["status"] == "ready", seconds, "task ready")
        return file

    def take(self, file, sender):
        """The sender's task file, put where a management system puts it. Returns its path."""
        path = f"{self.data}/receiver/tmp/{file}"
        with open(path, "wb") as target:
            target.write(sender.get(f"/v1/taskfiles/{file}"))
        return path

    def receive(self, file, sender):
        return self.must("recv", taskfile=self.take(file, sender))["desc"]

    def progress(self, file):
        return self.call("progress", taskfile=file)[1]

    def wait(self, file, seconds=600):
        def done():
            content = self.progress(file)
            if content.get("status") == "downloaderror":
                raise RuntimeError(content)
            return content.get("status") in ("downloaded", "history")
        until(done, seconds, "downloaded", step=0.05)


def until(condition, seconds, what, step=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(step)


class Network:
    """Tracker and object store; nodes are added to it."""

    def __init__(self, store=True, parent=None):
        self.place = tempfile.mkdtemp(prefix="swoop-hybrid-", dir=parent)
        self.servers = []
        self.store_port = None
        self.tracker = Server(
            [SWOOP, "tracker", "--http", "127.0.0.1:0", "--json", "--interval", "10s"], f"{self.place}/tracker.log",
            until="listening")
        self.servers.append(self.tracker)
        self.announce = f"http://{self.tracker.said['http']}/announce"
        if store:
            port = free_row(5)
            self.servers.append(Server(
                [f"{TOP}/Scripts/test-servers/s3", "run", f"{self.place}/store", str(port)], f"{self.place}/s3.log"))
            self.store_port = port
            until(self.store_answers, 60, "the object store answers", step=0.2)

    def store_answers(self):
        """Whether the bucket is there: the store's file system, which is four ports above, shows it last."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.store_port + 4}/buckets/dcp/", timeout=2):
                return True
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.stop()
        if os.environ.get("KEEP"):
            print("kept:", self.place)
        else:
            shutil.rmtree(self.place, ignore_errors=True)


def make(directory, files, seed=1):
    """Writes files of these sizes; the same seed gives the same bytes."""
    os.makedirs(directory, exist_ok=True)
    source = random.Random(seed)
    for name, size in files:
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            while size > 0:
                part = min(size, 1 << 24)
                file.write(source.randbytes(part))
                size -= part


def digests(directory):
    found = {}
    for parent, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = hashlib.file_digest(file, "sha1").hexdigest()
    return found
