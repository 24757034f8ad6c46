"""Calls an API as those do that watch a node: 20 calls a second, each by a connection of its own. Used by `run`.

    caller.py ADDRESS PORT CALLS

It prints the seconds spent waiting for answers, all calls together, and milliseconds of the middle and the slowest call. A call that fails ends it.
"""

import http.client
import sys
import time

address, port, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
began, took = time.monotonic(), []
for number in range(calls):
    time.sleep(max(0, began + number / 20 - time.monotonic()))
    start = time.monotonic()
    connection = http.client.HTTPConnection(address, port, timeout=20)
    connection.request("GET", "/heartbeat")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        sys.exit(f"status {answer.status}")
    took.append(1000 * (time.monotonic() - start))
took.sort()
print(f"{sum(took) / 1000:.3f} s, middle {took[len(took) // 2]:.1f} ms, slowest {took[-1]:.1f} ms")
