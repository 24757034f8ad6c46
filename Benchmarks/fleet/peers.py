"""What else brings a file from one host to many: rsync, scp and ansible over SSH, aria2 with opentracker. Each with its best settings."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time

CIPHER = "aes128-gcm@openssh.com"


class SSH:
    """An sshd at each receiver, and the sender's key."""

    def __init__(self, place, sender, receivers):
        self.place, self.sender, self.receivers, self.servers = place, sender, receivers, []

    def __enter__(self):
        os.makedirs("/run/sshd", exist_ok=True)
        os.makedirs(f"{self.place}/ssh", mode=0o700)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.place}/ssh/{name}"], check=True)
        for number, host in enumerate(self.receivers):
            with open(f"{self.place}/ssh/config{number}", "w") as file:
                file.write(f"ListenAddress {host.address}:22\nHostKey {self.place}/ssh/host\nPidFile none\nUsePAM no\n"
                           f"PermitRootLogin yes\nStrictModes no\nAuthorizedKeysFile {self.place}/ssh/user.pub\n"
                           "MaxStartups 100\nSubsystem sftp internal-sftp\n")
            self.servers.append(subprocess.Popen(host.prefix + ["/usr/sbin/sshd", "-D", "-f", f"{self.place}/ssh/config{number}"],
                                                 stderr=subprocess.DEVNULL))
        self.options = ["-i", f"{self.place}/ssh/user", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                        "-o", "LogLevel=ERROR", "-o", f"Ciphers={CIPHER}", "-o", "Compression=no"]
        for host in self.receivers:
            words = self.sender.prefix + ["ssh", *self.options, f"root@{host.address}", "true"]
            for _ in range(100):
                if subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                raise RuntimeError(f"no sshd at {host.address}")
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.terminate()
            server.wait()


def all_at_once(commands):
    """Runs them side by side. Returns seconds."""
    begun = time.monotonic()
    running = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for words in commands]
    for process in running:
        errors = process.communicate()[1]
        if process.returncode:
            raise RuntimeError(f"{process.args}: {errors[-1000:]}")
    return time.monotonic() - begun


def rsync(ssh, source, targets):
    """`-W`: there is nothing at the other end to compare with."""
    shell = " ".join(["ssh", *ssh.options])
    return all_at_once([ssh.sender.prefix + ["rsync", "-W", "-e", shell, source, f"root@{host.address}:{target}"]
                        for host, target in zip(ssh.receivers, targets)])


def scp(ssh, source, targets):
    return all_at_once([ssh.sender.prefix + ["scp", "-q", *ssh.options, source, f"root@{host.address}:{target}"]
                        for host, target in zip(ssh.receivers, targets)])


def ansible(ssh, source, targets, forks):
    home = f"{ssh.place}/ansible"
    os.makedirs(home, exist_ok=True)
    with open(f"{home}/hosts", "w") as file:
        for host, target in zip(ssh.receivers, targets):
            file.write(f"{host.address} target={target} ansible_remote_tmp={target}.ansible\n")
    environment = {**os.environ, "HOME": home, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_PIPELINING": "True",
                   "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": f"{home}/tmp"}
    words = ["/usr/bin/ansible", "all", "-i", f"{home}/hosts", "-u", "root", "-f", str(forks), "-e",
             "ansible_python_interpreter=/usr/bin/python3", "--ssh-common-args=" + " ".join(ssh.options), "-m", "copy", "-a",
             f"src={source} dest={{{{ target }}}}"]
    begun = time.monotonic()
    done = subprocess.run(ssh.sender.prefix + words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"ansible: {done.stdout[-1500:]}")
    return time.monotonic() - begun


def info_hash(path):
    """SHA-1 of the dictionary `info`, in which mktorrent writes `pieces` last but perhaps `private`."""
    data = open(path, "rb").read()
    begin = data.index(b"4:info") + 6
    at = data.index(b"6:pieces", begin) + 8
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if data[end:end + 1] != b"e":
        raise RuntimeError("mktorrent's order of keys is another")
    return hashlib.sha1(data[begin:end + 1]).hexdigest()


def aria2(place, tracker, sender, receivers, source, targets):
    """From making the torrent to the last receiver's own word that it has everything."""
    started = []
    listed = tempfile.mkdtemp(prefix="swoop-fleet-tracker-", dir=os.environ.get("TMPDIR", "/dev/shm"))
    hook = f"{place}/done.sh"
    with open(hook, "w") as file:
        file.write("#!/bin/sh\ntouch \"$ARIA_DONE\"\n")
    os.chmod(hook, 0o755)
    common = ["aria2c", "--enable-dht=false", "--bt-enable-lpd=false", "--enable-color=false", "--console-log-level=error",
              "--summary-interval=0", "--file-allocation=none", "--bt-max-peers=0", "--listen-port=6881", "--seed-ratio=0",
              "--allow-overwrite=true", "--bt-tracker-connect-timeout=5", "--disk-cache=16M"]
    try:
        begun, wall = time.monotonic(), time.time()
        subprocess.run(["mktorrent", "-t", "2", "-l", "20", "-a", f"http://{tracker.address}:6969/announce", "-o", f"{place}/a.torrent",
                        source], check=True, stdout=subprocess.DEVNULL)
        # Debian's opentracker serves what its list has, and reads that as another user.
        os.chmod(listed, 0o755)
        with open(f"{listed}/whitelist", "w") as file:
            file.write(info_hash(f"{place}/a.torrent") + "\n")
        started.append(subprocess.Popen(
            tracker.prefix + ["opentracker", "-i", tracker.address, "-p", "6969", "-P", "6969", "-d", listed, "-w", "whitelist", "-u",
                              "nobody"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        started.append(subprocess.Popen(
            sender.prefix + common + ["--check-integrity=false", "--bt-seed-unverified=true", "-d", os.path.dirname(source),
                                      f"{place}/a.torrent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        marks = []
        for number, (host, target) in enumerate(zip(receivers, targets)):
            marks.append(f"{place}/aria-done{number}")
            started.append(subprocess.Popen(
                host.prefix + common + [f"--on-bt-download-complete={hook}", "-d", os.path.dirname(target), f"{place}/a.torrent"],
                env={**os.environ, "ARIA_DONE": marks[-1]}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        while not all(os.path.exists(mark) for mark in marks):
            if time.monotonic() - begun > 1800:
                raise RuntimeError("aria2 is not done after half an hour")
            time.sleep(0.02)
        return max(os.stat(mark).st_mtime for mark in marks) - wall
    finally:
        for process in started:
            process.kill()
            process.wait()
        shutil.rmtree(listed, ignore_errors=True)
