"""What people see of a job while it runs: 1,000 targets on 20 streams."""

import http.client
import json
import os
import threading
import time

from lab import Fleet, Inside, Place, cpu, row, wait_for
from load import Simulation, sender

STREAMS, AGENTS, SECONDS = 20, 1000, 40


class Stream:
    """What one client hears of a job, and when."""

    def __init__(self, fleet, job):
        self.fleet, self.job = fleet, job
        self.figures, self.states, self.lines, self.is_over = {}, {}, 0, False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        with Inside(self.fleet.host):
            connection = http.client.HTTPConnection(self.fleet.controls[0].api, timeout=120)
            connection.request("GET", f"/v1/jobs/{self.job}/events", headers={"Authorization": f"Bearer {self.fleet.token}"})
            answer = connection.getresponse()
        while True:
            line = answer.readline()
            if not line:
                break
            if not line.startswith(b"data:"):
                continue
            now, message = time.time(), json.loads(line[5:])
            self.lines += 1
            for node, done, _, _ in message.get("figures", []):
                self.figures.setdefault(node, []).append((now, done))
            for node, state in [(target["node"], target["state"]) for target in message.get("targets", [])] + [
                    tuple(words[:2]) for words in message.get("states", [])]:
                self.states.setdefault(node, []).append((now, state))
        self.is_over = True


def lags(stream, size, truth):
    """How long figures and states take to be shown. Each host receives at an even pace, and says when it began and ended."""
    figures, states = [], []
    for node, (begun, ended) in truth.items():
        figures += [at - begun - (ended - begun) * done / size for at, done in stream.figures.get(node, []) if 0 < done < size]
        states += [at - ended for at, state in stream.states.get(node, []) if state in ("delivered", "switched", "done")][:1]
    return figures, states


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def live(arguments):
    size = 1 << 20
    with Place() as place, Fleet(place) as fleet:
        simulation = Simulation(fleet, AGENTS, "--receiving", f"{SECONDS}s")
        try:
            simulation.wait("joined", 300)
            simulation.everyone(120)
            agent = sender(fleet, size)
            fleet.define("c", targets='name~"^sim-"', dest="d")
            pid = fleet.controls[0].pid
            used = []
            for streams in (0, STREAMS):
                job = fleet.call("POST", "/v1/jobs", {"class": "c", "node": "sender", "path": f"{place}/source/content"})["id"]
                wait_for("the start", lambda: fleet.call("GET", f"/v1/jobs/{job}")["started"], 60)
                before, begun = cpu(pid), time.monotonic()
                watching = [Stream(fleet, job) for _ in range(streams)]
                wait_for("the end", lambda: fleet.call("GET", f"/v1/jobs/{job}")["state"] == "done", 3 * SECONDS, pause=2)
                used.append(100 * (cpu(pid) - before) / (time.monotonic() - begun))
                # The simulation says each five seconds who has received what.
                time.sleep(7)
            truth = {event["node"]: (event["begun"], event["ended"]) for _, event in simulation.events
                     if event["event"] == "received" and event["job"] == job}
            assert agent.process.poll() is None
        finally:
            simulation.stop()
        figures, states = zip(*(lags(stream, size, truth) for stream in watching))
        figures, states = sorted(sum(figures, [])), sorted(sum(states, []))
        row(f"{AGENTS} targets, {STREAMS} streams: figures come after", f"median {quantile(figures, .5):.2f} s, p99 {quantile(figures, .99):.2f} s",
            "2 s", quantile(figures, .99) <= 2)
        row(f"{AGENTS} targets, {STREAMS} streams: states come after", f"median {quantile(states, .5):.2f} s, p99 {quantile(states, .99):.2f} s",
            "1 s", quantile(states, .99) <= 1)
        row("control's processor meanwhile, over that without streams", f"{used[1]:.1f} %, {used[0]:.1f} %", "", None)
        print(f"    {sum(stream.lines for stream in watching)} messages, {len(figures)} figures, {len(states)} ends", flush=True)
