"""The heartbeat of a worker process."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import redis
from dramatiq.logging import get_logger

from barback.connection.outage import Outage
from barback.errors import WrongKeyType, is_about_data
from barback.recovery.heartbeat_line import HeartbeatLine
from barback.recovery.introduction import describe_process
from barback.recovery.maintenance import forget_workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from barback.recovery.recovery import Recovery
    from barback.store.store import Store

#: How often the thread looks whether a worker should wake, in seconds.
LOOK_SECONDS = 1.0

#: How often a worker sends a heartbeat, in seconds.
HEARTBEAT_SECONDS = 3.0

#: How old a heartbeat is before somebody looks whether that worker's connection is still
#: there, in milliseconds: more than :data:`HEARTBEAT_SECONDS`, so that a healthy worker is never
#: suspected.
SUSPICIOUS_MS = 4_000

#: How long a consumer thread may go without looking for messages before its queue gets no more
#: heartbeats, in seconds. It looks at least each second.
CONSUMER_SILENCE_SECONDS = 15.0

#: How long a worker takes messages without having said who it is, at the most, in seconds.
INTRODUCTION_SECONDS = 1.0

#: How often dead letters that are too old are forgotten, in seconds.
MAINTENANCE_SECONDS = 60.0


class Heartbeat:
    """A thread that tells Redis which queues this worker consumes, recovers the messages of workers
    that died, and once a second wakes those that wait although there are messages.

    Its connection bears the worker's name. The kernel closes a killed process's connections at
    once, while a worker that is only silent (a long C call holds the interpreter, the machine
    swaps) keeps them: that is how others tell the one from the other within seconds.

    Parameters:
      store: Where the queues are.
      worker_id: The worker.
      recovery: What recovers the messages of other workers.
      holds: Tells whether this worker holds messages of a queue.
      bell_of: Tells the key of the bell at which this worker waits for a queue.
      describe: Looks after the worker's threads, and tells of them what others may want to know.
      running: Tells what it runs of some queues, as JSON.
      stop: Has it stop messages of a shard, by their ids, and start none of its paused queues.
    """

    def __init__(
        self,
        store: Store,
        worker_id: str,
        recovery: Recovery,
        *,
        holds: Callable[[str], bool],
        bell_of: Callable[[str], str],
        describe: Callable[[], dict[str, Any]],
        running: Callable[[list[str]], dict[str, str]],
        stop: Callable[[str, list[str], list[str]], None],
    ) -> None:
        self.logger = get_logger(__name__, type(self))
        self._store = store
        self._worker_id = worker_id
        self._recovery = recovery
        self._holds = holds
        self._bell_of = bell_of
        self._describe = describe
        self._running = running
        self._stop = stop
        #: By shard: on a cluster each queue has a server of its own.
        self._lines: dict[str, HeartbeatLine] = {}
        #: When each queue's consumer last looked for messages, on the monotonic clock.
        self._consumers: dict[str, float] = {}
        self._round_trip_seconds: float | None = None
        self._introduction = Outage(self.logger, "the list of workers")
        self._wake = threading.Event()
        self._is_known = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def note_consumer(self, queue_name: str) -> None:
        """Note that the consumer of a queue is alive and looks for messages. The thread starts with
        the first one.
        """
        is_new = queue_name not in self._consumers
        self._consumers[queue_name] = time.monotonic()
        if is_new:
            self._start_thread()
            self._wake.set()

    def wait_until_known(self) -> None:
        """Wait until this worker has said who it is, or cannot. One that dies without having said
        so would be missed only after the heartbeat time-out.
        """
        self._is_known.wait(INTRODUCTION_SECONDS)

    def forget_consumer(self, queue_name: str) -> None:
        """Send no more heartbeats for a queue."""
        self._consumers.pop(queue_name, None)

    def stop(self) -> None:
        """End the thread, and take the worker off the list."""
        thread, self._thread = self._thread, None
        self._consumers.clear()
        if thread is not None:
            self._wake.set()
            thread.join(timeout=HEARTBEAT_SECONDS)

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="barback-heartbeat", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        beat_at = maintenance_at = 0.0
        while self._thread is threading.current_thread():
            is_beat_due = self._wake.is_set() or time.monotonic() >= beat_at
            if is_beat_due:
                self._wake.clear()
                beat_at = time.monotonic() + HEARTBEAT_SECONDS
                self._introduce()
            for shard, names in self._store.by_shard(list(self._consumers)).items():
                if not self._look_after(shard, names, is_beat_due=is_beat_due):
                    beat_at = 0.0
            if time.monotonic() >= maintenance_at:
                maintenance_at = time.monotonic() + MAINTENANCE_SECONDS
                self._maintain()
            self._wake.wait(LOOK_SECONDS)
        self._say_goodbye()

    def _look_after(self, shard: str, queue_names: list[str], *, is_beat_due: bool) -> bool:
        """Do what is due for the queues of a shard; False: its server does not serve."""
        line = self._lines.get(shard)
        if line is None:
            name = f"barback:{self._worker_id}"
            connection = self._store.connection(queue_names[0], name=name)
            line = self._lines[shard] = HeartbeatLine(
                connection, self.logger, self._store.silence(queue_names[0])
            )
        try:
            if is_beat_due:
                self._beat(line, queue_names)
            cancelled_ids, paused = self._store.look(
                line.connection,
                {name: self._bell_of(name) for name in queue_names},
                worker_id=self._worker_id,
                running=self._running(queue_names),
            )
            self._stop(shard, cancelled_ids, paused)
        except Exception as error:  # noqa: BLE001 - nothing may end this thread
            if not is_about_data(error):
                line.break_off(error)
                return False
            # The connection is fine, and the queue's consumer says it.
            self.logger.debug("A queue was left out: %s", error)
        line.outage.end()
        return True

    def _beat(self, line: HeartbeatLine, queue_names: list[str]) -> None:
        sent_at = time.monotonic()
        suspects = self._store.heartbeat(
            line.connection,
            self._worker_id,
            self._living_consumers(queue_names),
            suspicious_ms=SUSPICIOUS_MS,
        )
        self._round_trip_seconds = time.monotonic() - sent_at
        self._is_known.set()
        line.note_answer()
        if not line.has_settled:
            return
        for queue_name, silent in suspects.items():
            if silent:
                self._recovery.judge(line.connection, queue_name, silent)

    def _introduce(self) -> None:
        """Say who this worker is, for those who look."""
        alive = self._living_consumers(list(self._consumers))
        queues = [name for name, is_alive in alive.items() if is_alive]
        try:
            description = describe_process(self._round_trip_seconds) | self._describe()
            if queues:
                self._store.introduce(self._worker_id, json.dumps(description), queues)
            self._introduction.end()
        except WrongKeyType as error:
            self._introduction.report(error)
        except (redis.RedisError, OSError) as error:
            self.logger.debug("Others cannot see who this worker is: %s", error)
        except Exception:
            self.logger.exception("This worker could not be described.")

    def _maintain(self) -> None:
        try:
            self._recovery.maintain(list(self._consumers))
        except (redis.RedisError, OSError) as error:
            self.logger.debug("Maintenance has to wait a minute: %s", error)
        except Exception:
            self.logger.exception("Maintenance failed.")

    def _say_goodbye(self) -> None:
        try:
            forget_workers(self._store, [self._worker_id])
        except (redis.RedisError, OSError) as error:
            self.logger.debug("The worker stays on the list until others clear it: %s", error)
        finally:
            for line in self._lines.values():
                line.connection.close()

    def _living_consumers(self, queue_names: list[str]) -> dict[str, bool]:
        """Whether the consumer of each queue looks for messages or, while it is paused, holds
        some.
        """
        now = time.monotonic()
        return {
            name: now - self._consumers.get(name, 0.0) < CONSUMER_SILENCE_SECONDS
            or self._holds(name)
            for name in queue_names
        }
