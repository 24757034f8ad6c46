"""A long line: 200 Mbit/s, 152 ms there and back, 0.5 % loss each way, a queue of 100 ms. As root, from anywhere:

    python3 Benchmarks/line/run.py [--programs swoop,aria2,aria2-http,rsync,scp] [--control bbr,cubic]
                                    [--size 1G] [--limit 60] [--reps 1] [--spec 200:200:38:5:100]

Two hosts, each a network namespace, joined by the lab's emulator (`net/emu.sh` and `net/linkemu.c` of LAB, by default
../shared/lab beside the repository). Each program moves one file; who is not done after `--limit` seconds is stopped, and
what has come by then counts. The rate is bytes of the file over the time from the start of the receiver, and the share is
that of the line's 200 Mbit/s.

Congestion control is set by route, so that no setting of the machine changes. `bbr`: programs that leave it to the system
get BBR; Swoop gets cubic, and may choose. `cubic`: nobody may choose (`congctl lock`). Socket buffers are the system's.

SWOOP names another program to measure. Content lies in TMPDIR, by default /dev/shm. `--verbose` keeps what Swoop says.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
LAB = os.environ.get("LAB", os.path.join(os.path.dirname(TOP), "shared/lab"))
SWOOP = os.path.abspath(os.environ.get("SWOOP", os.path.join(TOP, ".build/release/swoop")))
SEED, GET = "p2plab-n1", "p2plab-n2"
HOST = "10.77.0.1"
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size_of(text):
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


class Line:
    """The two hosts and what runs on them, all gone at the end."""

    def __init__(self, place, spec):
        self.place, self.spec = place, spec
        self.processes = []

    def __enter__(self):
        emulator = os.path.join(self.place, "linkemu")
        subprocess.run(["cc", "-O2", "-w", "-o", emulator, os.path.join(LAB, "net/linkemu.c")], check=True)
        delay = self.spec.split(":")[2]
        self.emu("up", self.spec, f"0:0:{delay}", emulator=emulator)
        return self

    def __exit__(self, *_):
        self.stop()
        self.emu("down")

    def emu(self, *words, emulator=None):
        env = dict(os.environ, **({"LINKEMU": emulator} if emulator else {}))
        subprocess.run(["bash", os.path.join(LAB, "net/emu.sh"), *words], env=env, check=words[0] == "up",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def control(self, name, locked):
        for host in (SEED, GET):
            words = ["ip", "-n", host, "route", "replace", "10.77.0.0/24", "dev", "eth0", "congctl"]
            subprocess.run(words + (["lock"] if locked else []) + [name], check=True)

    def start(self, host, words, log):
        handle = open(log, "ab")
        process = subprocess.Popen(["ip", "netns", "exec", host] + words, stdin=subprocess.DEVNULL,
                                   stdout=handle, stderr=handle, cwd=self.place, start_new_session=True)
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.processes = []


def landed(directory):
    """Bytes of storage below a directory."""
    total = 0
    for root, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
    return total


def listening(host, port):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        out = subprocess.run(["ip", "netns", "exec", host, "ss", "-Hltn"], capture_output=True, text=True).stdout
        if f":{port} " in out:
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on port {port}")


def sshd():
    return shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")


class Program:
    """Starts a server, and says how the receiver is called."""

    def __init__(self, line, place, source):
        self.line, self.place, self.source = line, place, source
        self.log = os.path.join(place, "log")

    def serve(self, words, port):
        self.line.start(SEED, words, self.log + ".seed")
        listening(SEED, port)

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.place, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def torrent(self):
        path = os.path.join(self.place, "content.torrent")
        subprocess.run(["mktorrent", "-l", "20", "-o", path, "-a", "http://127.0.0.1:9/announce", self.source],
                       check=True, stdout=subprocess.DEVNULL)
        return path


class Swoop(Program):
    def begin(self, target):
        path = os.path.join(self.place, "content.torrent")
        subprocess.run([SWOOP, "create", self.source, "-o", path], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.serve([SWOOP, "seed", path, self.source, "--listen", f"{HOST}:6881", "--json", "-vv"], 6881)
        # Its check of the content is no part of the transfer.
        while '"seeding"' not in open(self.log + ".seed").read():
            time.sleep(0.05)
        return [SWOOP, "get", path, "-o", target, "--peer", f"{HOST}:6881", "--seed-time", "0s", "--json", "-vv"]


class Aria2(Program):
    def begin(self, target):
        torrent = self.torrent()
        self.serve(["aria2c", "-q", "-V", "--dir", os.path.dirname(self.source), "--listen-port=6881", "--seed-ratio=0",
                    "--enable-dht=false", "--enable-peer-exchange=false", "--bt-enable-lpd=true",
                    "--bt-lpd-interface=eth0", torrent], 6881)
        return ["aria2c", "-q", "--dir", target, "--listen-port=6882", "--seed-time=0", "--enable-dht=false",
                "--file-allocation=none", "--bt-enable-lpd=true", "--bt-lpd-interface=eth0", torrent]


class Aria2HTTP(Program):
    connections = 16

    def begin(self, target):
        configuration = self.file("nginx.conf", f"""
            daemon off; pid {self.place}/nginx.pid; error_log {self.place}/nginx.log; user root;
            events {{}} http {{ access_log off; sendfile on;
            server {{ listen {HOST}:8080; root {os.path.dirname(self.source)}; }} }}""")
        self.serve(["nginx", "-c", configuration], 8080)
        return ["aria2c", "-q", "--dir", target, "-x", str(self.connections), "-s", str(self.connections), "-k", "1M",
                "--file-allocation=none", f"http://{HOST}:8080/{os.path.basename(self.source)}"]


class Rsync(Program):
    def begin(self, target):
        configuration = self.file("rsyncd.conf", f"""
            use chroot = no
            [m]
            path = {os.path.dirname(self.source)}
            uid = root
            gid = root
            """)
        self.serve(["rsync", "--daemon", "--no-detach", f"--config={configuration}", "--port=8730", f"--address={HOST}"],
                   8730)
        return ["rsync", "-W", "--inplace", f"rsync://{HOST}:8730/m/{os.path.basename(self.source)}", target]


class SCP(Program):
    def begin(self, target):
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self.place, name)], check=True)
        os.makedirs("/run/sshd", exist_ok=True)
        configuration = self.file("sshd_config", f"""
HostKey {self.place}/host
AuthorizedKeysFile {self.place}/user.pub
PidFile {self.place}/sshd.pid
StrictModes no
UsePAM no
PermitRootLogin yes
Subsystem sftp internal-sftp
""")
        if not sshd():
            raise RuntimeError("no sshd: install openssh-server")
        self.serve([sshd(), "-D", "-e", "-f", configuration, "-o", f"ListenAddress={HOST}:2222"], 2222)
        return ["scp", "-q", "-P", "2222", "-i", f"{self.place}/user", "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", f"{HOST}:{self.source}", target]


PROGRAMS = {"swoop": Swoop, "aria2": Aria2, "aria2-http": Aria2HTTP, "rsync": Rsync, "scp": SCP}


def run(line, name, control, source, size, limit, keep):
    locked = control == "cubic"
    line.control("cubic" if name == "swoop" else control, locked)
    place = tempfile.mkdtemp(prefix=f"{name}-", dir=line.place)
    target = os.path.join(place, "target")
    os.mkdir(target)
    try:
        words = PROGRAMS[name](line, place, source).begin(target)
        begin = time.monotonic()
        receiver = line.start(GET, words, os.path.join(place, "log"))
        marks = {}
        while receiver.poll() is None and time.monotonic() - begin < limit:
            time.sleep(0.1)
            second = int(time.monotonic() - begin)
            if keep and second % 2 == 0 and second not in marks:
                marks[second] = landed(target)
                with open(f"{keep}.{name}.{control}.sockets", "a") as file:
                    out = subprocess.run(["ip", "netns", "exec", SEED, "ss", "-Htin"], capture_output=True, text=True).stdout
                    file.write(f"-- {second} s\n{out}")
        seconds = time.monotonic() - begin
        done = receiver.poll() is not None
        if done and receiver.returncode:
            raise RuntimeError(f"{name} ended with {receiver.returncode}: {open(place + '/log').read()[-500:]}")
        got = size if done else min(size, landed(target))
        if done:
            same = subprocess.run(["cmp", "-s", source, os.path.join(target, os.path.basename(source))]).returncode == 0
            if not same:
                raise RuntimeError(f"{name}: the content is not the same")
        mbit = got * 8e-6 / seconds
        record = {"program": name, "control": control, "done": done, "bytes": got, "seconds": round(seconds, 2),
                  "mbit": round(mbit, 1), "share": round(mbit / float(line.spec.split(":")[0]), 3)}
        print(json.dumps(record), flush=True)
        if keep:
            times = sorted(marks)
            print("  Mbit/s by 2 s:", [round((marks[b] - marks[a]) * 8e-6 / (b - a)) for a, b in zip(times, times[1:])])
            shutil.copy(os.path.join(place, "log"), f"{keep}.{name}.{control}.get")
            shutil.copy(os.path.join(place, "log.seed"), f"{keep}.{name}.{control}.seed")
        return record
    finally:
        line.stop()
        shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = [name for name in PROGRAMS if name != "scp" or sshd()]
    parser.add_argument("--programs", default=",".join(here))
    parser.add_argument("--control", default="bbr,cubic")
    parser.add_argument("--size", default="1G", type=size_of)
    parser.add_argument("--limit", default=60, type=float)
    parser.add_argument("--reps", default=1, type=int)
    parser.add_argument("--spec", default="200:200:38:5:100", help="UP:DOWN:DELAYms:LOSSpermille:QUEUEms of the seed's line")
    parser.add_argument("--verbose", metavar="PREFIX", help="keep what the programs say in PREFIX.*; print the rate by time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    records = []
    place = tempfile.mkdtemp(prefix="line-", dir=os.environ.get("TMPDIR", "/dev/shm"))
    os.chmod(place, 0o755)
    try:
        source = os.path.join(place, "content.bin")
        with open(source, "wb") as file, open("/dev/urandom", "rb") as noise:
            left = options.size
            while left > 0:
                left -= file.write(noise.read(min(left, 1 << 22)))
        with Line(place, options.spec) as line:
            for _ in range(options.reps):
                for control in options.control.split(","):
                    for name in options.programs.split(","):
                        records.append(run(line, name, control, source, options.size, options.limit, options.verbose))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print("\n| program | control | Mbit/s | of the line |\n| --- | --- | --- | --- |")
    for control in options.control.split(","):
        for name in options.programs.split(","):
            own = [r for r in records if (r["program"], r["control"]) == (name, control)]
            middle = statistics.median(r["mbit"] for r in own)
            print(f"| {name} | {control} | {middle:.1f} | {statistics.median(r['share'] for r in own):.2f} |")


if __name__ == "__main__":
    main()
