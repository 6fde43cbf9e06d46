"""The sign of life of a worker process, and its eye on the others."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import redis
from dramatiq.logging import get_logger

from barback import lua
from barback.link import Link
from barback.recovery import Recovery
from barback.trouble import Trouble

if TYPE_CHECKING:
    from barback.broker import RedisBroker

#: How often a worker gives a sign of life, in seconds.
BEAT_SECONDS = 3.0

#: How old a sign of life is before somebody looks whether that worker's connection is still
#: there, in milliseconds: more than :data:`BEAT_SECONDS`, so that a healthy worker is never due.
SUSPICIOUS_MS = 4_000

#: How long a consumer thread may go without looking for messages before it gives no more signs of
#: life, in seconds. It looks at least each second.
CONSUMER_SILENCE_SECONDS = 15.0

#: How often dead letters that are too old are forgotten, in seconds.
MAINTENANCE_SECONDS = 60.0


class Pulse:
    """A thread that tells Redis which queues this process consumes, and recovers the messages of
    workers that died.

    Its connection bears the worker's name. The kernel closes a killed process's connections at
    once, while a worker that is only silent (a long C call holds the interpreter, the machine
    swaps) keeps them: that is how others tell the one from the other within seconds.

    Parameters:
      broker: The broker of this process.
    """

    def __init__(self, broker: RedisBroker) -> None:
        self.logger = get_logger(__name__, type(self))
        self._broker = broker
        self._link = Link(broker.client, name=connection_name(broker.broker_id))
        self._trouble = Trouble(self.logger, "signs of life")
        self._recovery = Recovery(broker)
        #: When each queue's consumer last looked for messages, on the monotonic clock.
        self._consumers: dict[str, float] = {}
        self._threads_per_process = 0
        #: How often its connection has failed.
        self.breaks = 0
        self._started_at = time.time()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, worker_threads: int) -> None:
        """Begin to give signs of life, as soon as a queue is consumed."""
        self._threads_per_process = worker_threads

    def note_consumer(self, queue_name: str) -> None:
        """Note that the consumer of a queue is alive and looks for messages."""
        is_new = queue_name not in self._consumers
        self._consumers[queue_name] = time.monotonic()
        if is_new:
            self._start_thread()
            self._wake.set()

    def forget_consumer(self, queue_name: str) -> None:
        """Give no more signs of life for a queue."""
        self._consumers.pop(queue_name, None)

    def stop(self) -> None:
        """End the thread."""
        thread, self._thread = self._thread, None
        self._consumers.clear()
        if thread is not None:
            self._wake.set()
            thread.join(timeout=BEAT_SECONDS)

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="barback-pulse", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        maintenance_at = 0.0
        while self._thread is threading.current_thread():
            try:
                self._beat()
                if time.monotonic() >= maintenance_at:
                    maintenance_at = time.monotonic() + MAINTENANCE_SECONDS
                    self._recovery.maintain(list(self._consumers))
            except (redis.RedisError, OSError) as error:
                self._link.close()
                self.breaks += 1
                self._trouble.report(error)
                self._trouble.wait()
                continue
            except Exception:
                self.logger.exception("The pulse has skipped a beat.")
            self._wake.wait(BEAT_SECONDS)
            self._wake.clear()
        self._link.close()

    def _beat(self) -> None:
        self._link.open()
        keys = self._broker.worker_keys
        _, suspects = self._link.run(
            lua.BEAT,
            (keys.signs, keys.info),
            (
                SUSPICIOUS_MS,
                self._broker.broker_id,
                self._describe_worker(),
                *self._living_consumers(),
            ),
        )
        if self._trouble.is_on:
            self._trouble.end()
        if suspects:
            self._recovery.judge(self._link, suspects)

    def _living_consumers(self) -> list[str]:
        """The consumers that look for messages or, while they are paused, hold some."""
        now = time.monotonic()
        in_flight = self._broker.local_worker.in_flight
        return [
            consumer_name(self._broker.broker_id, queue_name)
            for queue_name, looked_at in self._consumers.copy().items()
            if now - looked_at < CONSUMER_SILENCE_SECONDS or in_flight(queue_name).held
        ]

    def _describe_worker(self) -> str:
        """Who and where this worker is, as JSON."""
        return json.dumps(
            {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "threads": self._threads_per_process,
                "started_at": self._started_at,
                "connection_id": self._link.client_id,
            }
        )


def consumer_name(worker_id: str, queue_name: str) -> str:
    return f"{worker_id}:{queue_name}"


def connection_name(worker_id: str) -> str:
    return f"barback:{worker_id}"
