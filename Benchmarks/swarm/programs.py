"""The programs that are compared: how each is started as a seed and as a receiver, and how it says that it is done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SWOOP = os.environ.get("SWOOP", os.path.join(HERE, "..", "..", ".build", "release", "swoop"))
PORT = 7000
PIECE = 1 << 20


class Process:
    """A program on a host, its own session; ended by its group's number."""

    def __init__(self, host, words, work, to="log"):
        os.makedirs(work, exist_ok=True)
        self.work, self.done = work, os.path.join(work, "done")
        self.log = open(os.path.join(work, to), "ab")
        self.process = subprocess.Popen(
            host.prefix + [str(w) for w in words], cwd=work, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, start_new_session=True)
        self.usage = None

    @property
    def pid(self):
        return self.process.pid

    def finished(self):
        """When its content was complete, in seconds since 1970; None before."""
        try:
            return os.stat(self.done).st_mtime
        except FileNotFoundError:
            return None

    def memory(self):
        """Anonymous memory in bytes, of the processes of its group."""
        total = 0
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                if os.getpgid(int(entry)) != self.pid:
                    continue
                with open(f"/proc/{entry}/status") as status:
                    total += sum(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) * 1024
            except (OSError, ProcessLookupError):
                pass
        return total

    def stop(self, hard=False):
        """Ends it; `usage` is then what it and its children used."""
        if self.usage is None:
            for number in ([] if hard else [signal.SIGTERM]) + [signal.SIGKILL]:
                try:
                    os.killpg(self.pid, number)
                except ProcessLookupError:
                    pass
                end = time.monotonic() + 4
                while time.monotonic() < end:
                    pid, _, usage = os.wait4(self.pid, os.WNOHANG)
                    if pid:
                        self.usage, self.process.returncode = usage, 0
                        break
                    time.sleep(0.02)
                if self.usage is not None:
                    break
        self.log.close()

    @property
    def cpu(self):
        return self.usage.ru_utime + self.usage.ru_stime if self.usage else 0.0


def marker(work):
    """A script that notes the end, for programs that run one."""
    os.makedirs(work, exist_ok=True)
    path = os.path.join(work, "mark")
    with open(path, "w") as script:
        script.write(f"#!/bin/sh\nexec touch {work}/done\n")
    os.chmod(path, 0o755)
    return path


class Swoop:
    name = "swoop"
    uses_tracker = True

    @staticmethod
    def version():
        return subprocess.run([SWOOP, "--version"], capture_output=True, text=True).stdout.strip()

    def seed(self, host, torrent, content, work):
        return Process(host, [SWOOP, "seed", torrent, content, "--listen", f"{host.address}:{PORT}",
                              "--seed-time", "72h", "--json"], work)

    def receiver(self, host, torrent, place, work):
        return Process(host, [SWOOP, "get", torrent, "-o", place, "--listen", f"{host.address}:{PORT}",
                              "--seed-time", "72h", "--json", "--on-complete", marker(work)], work)


class Libtorrent:
    """Tuned: all slots, large buffers, no encryption, no uTP."""
    name = "libtorrent"
    uses_tracker = True
    more = {}

    @staticmethod
    def python():
        for python in [os.environ.get("LIBTORRENT_PYTHON"), "/usr/bin/python3", sys.executable]:
            if python and not subprocess.run([python, "-c", "import libtorrent"], capture_output=True).returncode:
                return python
        raise RuntimeError("no python3 with libtorrent: apt install python3-libtorrent")

    def version(self):
        words = [self.python(), "-c", "import libtorrent; print(libtorrent.__version__)"]
        return "libtorrent " + subprocess.run(words, capture_output=True, text=True).stdout.strip()

    def peer(self, host, torrent, place, work, **more):
        given = {"torrent": torrent, "place": place, "listen": f"{host.address}:{PORT}",
                 "done": os.path.join(work, "done"), **self.more, **more}
        return Process(host, [self.python(), os.path.join(HERE, "libtorrent_peer.py"), json.dumps(given)], work)

    def seed(self, host, torrent, content, work):
        return self.peer(host, torrent, os.path.dirname(content), work, seed=True)

    def receiver(self, host, torrent, place, work):
        return self.peer(host, torrent, place, work)


class LibtorrentSuper(Libtorrent):
    name = "libtorrent-super"
    more = {"super": True}


class Aria2:
    name = "aria2"
    uses_tracker = True

    @staticmethod
    def version():
        return subprocess.run(["aria2c", "--version"], capture_output=True, text=True).stdout.split("\n")[0]

    def peer(self, host, torrent, place, work, *more):
        return Process(host, ["aria2c", "--no-conf", "--quiet", "--file-allocation=none", "--dir", place,
                              "--interface", host.address, "--listen-port", PORT, "--enable-dht=false",
                              "--bt-enable-lpd=false", "--seed-ratio=0.0", "--bt-max-peers=0",
                              "--on-bt-download-complete", marker(work), *more, torrent], work)

    def seed(self, host, torrent, content, work):
        return self.peer(host, torrent, os.path.dirname(content), work, "--bt-seed-unverified=true")

    def receiver(self, host, torrent, place, work):
        return self.peer(host, torrent, place, work)


class Transmission:
    name = "transmission"
    uses_tracker = True

    @staticmethod
    def version():
        said = subprocess.run(["transmission-daemon", "-V"], capture_output=True, text=True)
        return (said.stdout + said.stderr).strip()

    def receiver(self, host, torrent, place, work):
        conf = os.path.join(work, "conf")
        os.makedirs(os.path.join(conf, "torrents"), exist_ok=True)
        shutil.copy(torrent, os.path.join(conf, "torrents"))
        with open(os.path.join(conf, "settings.json"), "w") as settings:
            json.dump({
                "bind-address-ipv4": host.address, "bind-address-ipv6": "::1", "peer-port": PORT,
                "port-forwarding-enabled": False, "download-dir": place, "rpc-enabled": False, "dht-enabled": False,
                "lpd-enabled": False, "utp-enabled": False, "encryption": 0, "preallocation": 0,
                "ratio-limit-enabled": False, "rename-partial-files": False, "script-torrent-done-enabled": True,
                "script-torrent-done-filename": marker(work)}, settings)
        return Process(host, ["transmission-daemon", "-f", "-g", conf], work)

    def seed(self, host, torrent, content, work):
        return self.receiver(host, torrent, os.path.dirname(content), work)


class Curl:
    """Everybody from one server, which is what a swarm is compared with. Verifies nothing."""
    name = "nginx+curl"
    uses_tracker = False
    pipe = "curl -sf -o {place}/content.bin {url}"

    @staticmethod
    def version():
        said = subprocess.run(["nginx", "-v"], capture_output=True, text=True)
        return (said.stdout + said.stderr).strip()

    def seed(self, host, torrent, content, work):
        os.makedirs(work, exist_ok=True)
        with open(f"{work}/nginx.conf", "w") as conf:
            conf.write(f"""daemon off; worker_processes 1; user root; pid {work}/pid; error_log {work}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; client_body_temp_path {work};
  server {{ listen {host.address}:{PORT}; root {os.path.dirname(content)}; }} }}
""")
        self.url = f"http://{host.address}:{PORT}/{os.path.basename(content)}"
        return Process(host, ["nginx", "-p", work, "-e", f"{work}/error.log", "-c", f"{work}/nginx.conf"], work)

    def receiver(self, host, torrent, place, work):
        command = self.pipe.format(place=place, url=self.url)
        return Process(host, ["sh", "-c", f"{command} && touch {work}/done; sleep 1000000"], work)


class CurlHash(Curl):
    """Fetch and hash with OpenSSL beside it; stores nothing and serves nobody."""
    name = "curl|sha1"
    pipe = "curl -sf {url} | openssl dgst -sha1"
    stores = False


ALL = {each.name: each for each in [Swoop, Libtorrent, LibtorrentSuper, Aria2, Transmission, Curl, CurlHash]}
