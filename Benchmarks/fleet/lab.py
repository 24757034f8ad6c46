"""A fleet for benchmarks: controls, agents and their lines as real processes in network namespaces. All of it goes with the context."""

import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "swarm"))
from network import Line, Network  # noqa: E402, F401
from space import Compressed  # noqa: E402, F401

SWOOP = os.path.abspath(os.environ.get("SWOOP", os.path.join(HERE, "..", "..", ".build", "release", "swoop")))
MBIT = 1e6 / 8
TICKS = os.sysconf("SC_CLK_TCK")
LIBC = ctypes.CDLL(None, use_errno=True)


class Here:
    """This machine itself, in place of a host of its own."""
    prefix, space, address = [], None, "127.0.0.1"


class Inside:
    """Sockets that this thread makes meanwhile belong to a host."""

    def __init__(self, host):
        self.space = host.space

    def __enter__(self):
        if self.space:
            self.own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            self.enter(f"/run/netns/{self.space}")

    def __exit__(self, *_):
        if self.space:
            self.enter(self.own)
            os.close(self.own)

    @staticmethod
    def enter(space):
        descriptor = os.open(space, os.O_RDONLY) if isinstance(space, str) else space
        if LIBC.setns(descriptor, 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        if isinstance(space, str):
            os.close(descriptor)


def wait_for(what, condition, seconds=60, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise TimeoutError(f"{what}: not within {seconds} s")


def cpu(pid):
    """Seconds of a process."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid, field="RssAnon"):
    """MiB."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def machine_busy():
    """Busy seconds of all processors, and those that the hypervisor took."""
    words = [int(word) for word in open("/proc/stat").readline().split()[1:]]
    return (sum(words[:8]) - words[3] - words[4]) / TICKS, words[7] / TICKS


def new_file(path, size):
    with open(path, "wb") as file:
        for begin in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - begin)))


class Program:
    """A process whose first line of output says, as JSON, that it is there."""

    def __init__(self, host, words, log, environment=None):
        self.words, self.host, self.log = words, host, log
        self.environment = {**os.environ, "INVOCATION_ID": "bench", **(environment or {})}
        self.start()

    def start(self):
        self.errors = open(self.log, "ab")
        self.process = subprocess.Popen(self.host.prefix + self.words, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env=self.environment, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def listening(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.words)}: {open(self.log).read()[-2000:]}")
        return json.loads(line)

    def kill(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class Postgres:
    """A server of its own on a free port of a host; it refuses to run as root."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "LC_ALL=C.UTF-8"]

    def __init__(self, host, port=5499):
        self.host, self.port = host, port
        self.tools = next((f"/usr/lib/postgresql/{version}/bin" for version in range(20, 12, -1)
                           if os.access(f"/usr/lib/postgresql/{version}/bin/initdb", os.X_OK)), None)
        if not self.tools:
            sys.exit("Debian's package postgresql is missing")
        self.place = tempfile.mkdtemp(prefix="swoop-pg-", dir=os.environ.get("TMPDIR", "/dev/shm"))
        shutil.chown(self.place, "postgres", "postgres")
        self.url = f"postgresql://swoop@127.0.0.1:{port}/postgres"
        self.run("initdb", "-D", f"{self.place}/data", "-U", "swoop", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def run(self, tool, *words):
        done = subprocess.run(self.host.prefix + self.user + [f"{self.tools}/{tool}", *words], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"{tool}: {done.stderr}")

    def start(self):
        self.run("pg_ctl", "-D", f"{self.place}/data", "-w", "-l", f"{self.place}/log", "-o",
                 f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.place}", "start")

    def stop(self, how="immediate"):
        self.run("pg_ctl", "-D", f"{self.place}/data", "-m", how, "-w", "stop")

    def end(self):
        try:
            self.stop()
        except RuntimeError:
            pass
        shutil.rmtree(self.place, ignore_errors=True)


class Control(Program):
    """One `swoop control`; `api` is its API, on loopback of its host."""

    def __init__(self, host, place, number, door, database=None, wrap=None):
        self.data = f"{place}/control{number}"
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        words = [SWOOP, "control", "--data", self.data, "--listen", f"127.0.0.1:{7480 + number}" if host.space else "127.0.0.1:0",
                 "--agents", f"{host.address}:{door if host.space else 0}", "--json", "--quiet"]
        if host.space:
            words += ["--url", f"https://{host.address}:{door}"]
        if database:
            words += ["--database", database]
        super().__init__(host, (wrap or []) + words, f"{place}/control{number}.log")
        self.ready()

    def ready(self):
        line = self.listening()
        self.api, self.door = line["api"].split("//")[1], "https://" + line["agents"]

    def restart(self):
        self.start()
        self.ready()


class Fleet:
    """Controls on one database, and what a client of their API does."""

    def __init__(self, place, host=Here, controls=1, postgres=False, wrap=None):
        self.place, self.host, self.started, self.postgres = place, host, [], None
        self.local, self.controls = threading.local(), []
        try:
            if postgres:
                self.postgres = Postgres(host)
            for number in range(controls):
                if number:
                    os.makedirs(f"{place}/control{number}", mode=0o700)
                    shutil.copy(f"{place}/control0/control.secret", f"{place}/control{number}/control.secret")
                self.controls.append(Control(host, place, number, 7443 + number, self.postgres and self.postgres.url, wrap))
            self.token = open(f"{place}/control0/admin.token").read().strip()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in reversed(self.started + self.controls):
            program.kill()
        if self.postgres:
            self.postgres.end()

    @property
    def doors(self):
        return ",".join(control.door for control in self.controls)

    def ask(self, method, path, body=None, headers=None, control=0, timeout=30, token=None):
        """Status, headers and the answer's JSON; status 0 when nothing answered."""
        at = self.controls[control].api
        links = self.local.__dict__.setdefault("links", {})
        data = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        # A connection that was kept may have been closed meanwhile.
        for link in [links.pop(at, None), None]:
            isKept = link is not None
            try:
                if not isKept:
                    link = http.client.HTTPConnection(at, timeout=timeout)
                    with Inside(self.host):
                        link.connect()
                link.request(method, path, data, headers)
                answer = link.getresponse()
                text = answer.read()
                links[at] = link
                return answer.status, answer.headers, json.loads(text) if text.startswith((b"{", b"[")) else text
            except (OSError, http.client.HTTPException):
                if not isKept:
                    break
        return 0, {}, None

    def call(self, method, path, body=None, headers=None, control=0):
        for _ in range(50):
            status, answered, value = self.ask(method, path, body, headers, control)
            if status != 429:
                break
            time.sleep(0.1)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {value}")
        return value

    def enrolment(self, uses):
        command = self.call("POST", "/v1/tokens", {"uses": uses})["command"].split()
        return command[command.index("--token") + 1]

    def define(self, name, **keys):
        self.call("PUT", f"/v1/classes/{name}", {"name": name, **keys}, {"If-None-Match": "*"})

    def agent(self, host, name, token, file, wrap=None):
        """A host joins; its agent is running when `listening` of what this returns has been called."""
        place = f"{self.place}/{name}"
        os.makedirs(place)
        with open(f"{place}/agent.yaml", "w") as out:
            out.write(file)
        files = ["--data", f"{place}/data", "--config", f"{place}/agent.yaml"]
        subprocess.run(host.prefix + [SWOOP, "agent", "join", self.doors, "--token", token, "--name", name, "--quiet", *files],
                       check=True, stdout=subprocess.DEVNULL)
        words = [SWOOP, "agent", *files, "--json", "--quiet"] + ([] if host.space else ["--on-loopback"])
        agent = Program(host, (wrap or []) + words, f"{place}/log")
        agent.data, agent.name, agent.place = f"{place}/data", name, place
        self.started.append(agent)
        return agent


class Place:
    """A directory of a run."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="swoop-fleet-", dir=os.environ.get("TMPDIR", "/dev/shm"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def row(what, figure, bar, met):
    """One line of a result: `met` is True, False or None where there is no bar."""
    verdict = "" if met is None else "met" if met else "NOT MET"
    print(f"  {what:<58} {figure:<34} {bar:<28} {verdict}", flush=True)
