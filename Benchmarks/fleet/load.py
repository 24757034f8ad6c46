"""What a control bears: thousands of simulated agents, hand-outs, and calls of the API."""

import json
import os
import subprocess
import threading
import time

from lab import SWOOP, Fleet, Place, cpu, memory, new_file, row, wait_for


class Simulation:
    """`swoop simulate fleet`, and what it has said."""

    def __init__(self, fleet, agents, *words, joining=16):
        self.events, self.agents, self.begun = [], agents, time.monotonic()
        token = fleet.enrolment(agents)
        self.errors = open(f"{fleet.place}/simulation.log", "ab")
        self.process = subprocess.Popen(
            fleet.host.prefix + [SWOOP, "simulate", "fleet", "--agents", str(agents), "--control", fleet.doors, "--token", token,
                                 "--joining", str(joining), "--json", "--quiet", *words],
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.append((time.monotonic() - self.begun, json.loads(line)))

    def wait(self, name, seconds, condition=lambda event: True):
        def look():
            if self.process.poll() is not None:
                raise RuntimeError("the simulation has ended")
            return next((event for _, event in list(self.events) if event["event"] == name and condition(event)), None)
        return wait_for(f"simulation: {name}", look, seconds)

    def everyone(self, seconds):
        """Waits until every agent was answered."""
        return self.wait("figures", seconds, lambda event: event["present"] >= self.agents)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()


def agents(arguments):
    """1,000 agents, and 10,000."""
    for count in arguments.agents:
        share, most = (5, 150) if count <= 1000 else (45, 900)
        with Place() as place, Fleet(place) as fleet:
            pid = fleet.controls[0].pid
            calm = 30 if count <= 1000 else 60
            simulation = Simulation(fleet, count, "--reconnect-after", f"{calm + 75}s")
            try:
                joined = simulation.wait("joined", 900)
                everyone = time.monotonic()
                simulation.everyone(120)
                everyone = time.monotonic() - everyone
                time.sleep(12)
                before, begun = cpu(pid), time.monotonic()
                time.sleep(calm)
                used = 100 * (cpu(pid) - before) / (time.monotonic() - begun)
                anonymous, peak = memory(pid), memory(pid, "VmHWM")
                back = simulation.wait("reconnected", 300)
                after = memory(pid)
                problems = simulation.events[-1][1].get("problems")
            finally:
                simulation.stop()
        row(f"{count} enrolments", f"{joined['rate']:.0f}/s, {joined['failed']} failed", "50/s", joined["rate"] >= 50)
        row(f"{count} agents, all syncing after that", f"{everyone:.0f} s", "", None)
        row(f"{count} agents, TLS, SQLite: processor", f"{used:.1f} % of a core", f"{share} %", used <= share)
        row(f"{count} agents: memory", f"RssAnon {anonymous:.0f} MiB, RSS at most {peak:.0f}", f"{most} MiB", peak <= most)
        seconds, bar = back["seconds"], 20 if count <= 1000 else 60
        row(f"{count} agents come back at once", f"{seconds:.1f} s" if seconds else f"{back['present']} within 120 s",
            f"{bar} s", bool(seconds) and seconds <= bar)
        print(f"    then RssAnon {after:.0f} MiB; problems of agents: {problems}", flush=True)


def sender(fleet, size):
    """A real agent that sends."""
    os.makedirs(f"{fleet.place}/source")
    new_file(f"{fleet.place}/source/content", size)
    agent = fleet.agent(fleet.host, "sender", fleet.enrolment(1), f"send: {{roots: [\"{fleet.place}/source\"]}}\n")
    agent.listening()
    wait_for("the sender", lambda: fleet.call("GET", "/v1/nodes/sender")["contact"] == "present")
    return agent


def handout(arguments):
    """From the POST of a job until every agent's report of it is acknowledged."""
    for count in arguments.agents:
        with Place() as place, Fleet(place) as fleet:
            simulation = Simulation(fleet, count)
            try:
                simulation.wait("joined", 900)
                simulation.everyone(180)
                sender(fleet, 1 << 20)
                fleet.define("c", targets='name~"^sim-"', dest="d")
                found = [hand_out_once(fleet, count) for _ in range(arguments.reps)]
            finally:
                simulation.stop()
        for quantile, name in ((0, "99 of 100"), (1, "all")):
            bar = {(1000, 0): 1, (1000, 1): 2, (10000, 0): 5}.get((count, quantile))
            figure = sorted(times[quantile] for times in found)[len(found) // 2]
            row(f"hand-out to {count}: {name}", f"{figure:.2f} s", f"{bar} s" if bar else "", figure <= bar if bar else None)
        print("    of that until the job had started: " + ", ".join(f"{times[2]:.2f}" for times in found) + " s", flush=True)


def hand_out_once(fleet, count):
    time.sleep(2)
    begun, most, started = time.monotonic(), None, None
    job = fleet.call("POST", "/v1/jobs", {"class": "c", "node": "sender", "path": f"{fleet.place}/source/content"})["id"]
    while time.monotonic() - begun < 120:
        shown = fleet.call("GET", f"/v1/jobs/{job}")
        counts = shown["counts"]
        started = started or (time.monotonic() - begun if shown["started"] else None)
        heard = sum(counts.values()) - sum(counts.get(name, 0) for name in ("waiting", "offered", "planned"))
        if shown["started"] and heard >= 0.99 * count:
            most = most or time.monotonic() - begun
        if shown["started"] and heard >= count:
            return most, time.monotonic() - begun, started
        time.sleep(0.03)
    raise TimeoutError(f"the hand-out does not end: {counts}")


SCRIPT = """
local tokens = {%s}
local at = math.random(#tokens)
request = function()
  at = at %% #tokens + 1
  return wrk.format("%s", "%s", {["Authorization"] = "Bearer " .. tokens[at], ["Content-Type"] = "application/json"}, %s)
end
done = function(summary, latency, requests)
  io.write(string.format("FIGURES %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration, summary.errors.status,
    latency:percentile(50), latency:percentile(99)))
end
init = function(args) math.randomseed(os.time()) end
%s
"""


def wrk(fleet, tokens, path, method="GET", body=None, seconds=8, connections=16, pause=None):
    """Calls a second, errors, and the 99th percentile in seconds, of connections that are kept. With a pause, each of them waits
    for so many milliseconds between an answer and its next call, a tenth more or less."""
    with open(f"{fleet.place}/wrk.lua", "w") as file:
        file.write(SCRIPT % (", ".join(f'"{token}"' for token in tokens), method, path,
                             "nil" if body is None else "[[" + json.dumps(body) + "]]",
                             "" if pause is None else f"delay = function() return {pause} * (0.9 + math.random() / 5) end"))
    done = subprocess.run(fleet.host.prefix + ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", f"{fleet.place}/wrk.lua",
                                               f"http://{fleet.controls[0].api}"], capture_output=True, text=True, check=True)
    words = next(line for line in done.stdout.splitlines() if line.startswith("FIGURES")).split()[1:]
    requests, duration, errors, _, late = map(int, words)
    return (requests - errors) / (duration / 1e6), errors, late / 1e6


def api(arguments):
    """With 1,000 agents that sync meanwhile."""
    with Place() as place, Fleet(place) as fleet:
        simulation = Simulation(fleet, 1000)
        try:
            simulation.wait("joined", 300)
            simulation.everyone(120)
            sender(fleet, 1 << 20)
            fleet.define("c", targets='name~"^sim-"', dest="d")
            # Of a token 100 calls a second are answered.
            tokens = [fleet.call("POST", "/v1/api-tokens", {"name": f"t{number}", "role": "admin"})["token"] for number in range(100)]
            node = "/v1/nodes/sim-500"
            # Before the many jobs, of which the sender goes on to find out that their content is missing.
            rate, errors, late = wrk(fleet, tokens, node, connections=8, pause=39)
            row(f"API: one node, {rate:.0f} calls a second", f"p99 {late * 1000:.1f} ms, {errors} errors", "20 ms",
                late <= 0.02 and not errors)
            for what, bar, words in (
                    ("one node", 2000, (node,)), ("100 nodes", 300, ("/v1/nodes?limit=100",)),
                    ("new jobs, 1,000 targets", 100, ("/v1/jobs", "POST", {
                        "class": "c", "node": "sender", "path": f"{place}/source/missing", "at": "2090-01-01T00:00:00Z"}))):
                rate, errors, late = wrk(fleet, tokens, *words)
                row(f"API: {what}", f"{rate:.0f}/s, p99 {late * 1000:.0f} ms, {errors} errors", f"{bar}/s", rate >= bar and not errors)
                time.sleep(3)
        finally:
            simulation.stop()
