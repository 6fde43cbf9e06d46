"""A producer in a process of its own: ``python -m tests.barback.faults.sender``.

It prints the id of each job that was accepted, until SIGTERM, and then what is left in the queue.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time

import dramatiq

from barback import RedisBroker
from barback.errors import BrokerUnavailable

#: The pause between two jobs, in seconds.
PAUSE_SECONDS = 0.01

#: How long workers may take for what is left, in seconds.
PATIENCE_SECONDS = 40.0


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    confirm = os.environ.get("FAULTS_CONFIRM")
    broker = RedisBroker(url=os.environ["FAULTS_REDIS_URL"], confirm=confirm)
    for number in itertools.count():
        if stop.wait(PAUSE_SECONDS):
            break
        job_id = f"job-{number}"
        try:
            broker.enqueue(dramatiq.Message("jobs", "job", (job_id,), {}, {}))
        except BrokerUnavailable:
            continue
        sys.stdout.write(f"{job_id}\n")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := broker.do_qsize("jobs")) and time.monotonic() < deadline:
        time.sleep(0.1)
    sys.exit(f"{left} jobs are left" if left else 0)


if __name__ == "__main__":
    main()
