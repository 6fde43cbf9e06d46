"""Everything at once, in an order that nobody chose, and that can be repeated by its seed.

Each run has a seed of its own, which it prints. ``CHAOS_SEED=… CHAOS_SECONDS=… make chaos`` repeats
it, as far as a machine does the same thing twice.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from barback.errors import BrokerUnavailable
from examples.cluster.servers import Server, start_server
from tests.barback.faults.conftest import Scene
from tests.support.polling import eventually
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.processes import ProcessStarter, TestProcess

#: How long the run of `make slow` breaks things, in seconds.
SHORT_SECONDS = 8.0

#: How long a run of `make chaos` does, unless CHAOS_SECONDS says.
LONG_SECONDS = 600.0

#: How long all that was promised may take once nothing more breaks, in seconds.
CALM_SECONDS = 40.0

WORKERS = 3


class Chaos:
    """Workers, a producer, and somebody who breaks things.

    Parameters:
      scene: The producer, which reaches the server directly.
      server: The server, which can be killed.
      proxy: The network between the workers and the server.
      seed: Decides what breaks, and when.
    """

    def __init__(self, scene: Scene, server: Server, proxy: Proxy, seed: int) -> None:
        self._scene = scene
        self._server = server
        self._proxy = proxy
        self._random = random.Random(seed)
        self._workers: list[TestProcess] = []
        self._is_over = threading.Event()
        self._producer = threading.Thread(target=self._produce, args=(seed,), daemon=True)
        self.refused = 0
        self.poisoned = 0
        self.deaths = 0

    def run(self, seconds: float) -> None:
        """Break things for a while, then mend them all and stop sending."""
        self.keep_workers()
        self._producer.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(self._random.uniform(0.2, 1.0))
            fault = self._random.choice(self._faults())
            print(f"… {fault.__name__.strip('_')}")  # noqa: T201 - says what led to a failure
            fault()
            self.keep_workers()
        self._is_over.set()
        self._producer.join(30)
        self._scene.broker.client.config_set("maxmemory", 0)
        self._scene.ledger.note_fault()

    def _faults(self) -> list[Callable[[], None]]:
        return [
            self._kill_a_worker,
            self._stop_a_worker,
            self._freeze_a_worker,
            self._kill_the_server,
            self._cut_the_network,
            self._cut_the_workers_side,
            self._stall_the_network,
            self._kill_connections,
            self._flush_scripts,
            self._fill_memory,
            self._poison,
        ]

    # -- the fleet --------------------------------------------------------------------------------

    def keep_workers(self) -> None:
        """Start a worker in place of each that has ended."""
        ended = [worker for worker in self._workers if worker.exit_code is not None]
        self.deaths += sum(worker.exit_code != 0 for worker in ended)
        self._workers = [worker for worker in self._workers if worker not in ended]
        while len(self._workers) < WORKERS:
            self._workers.append(self._scene.start_worker(wait=False, redis_url=self._proxy.url))

    def _any_worker(self) -> TestProcess:
        return self._random.choice(self._workers)

    # -- the producer -----------------------------------------------------------------------------

    def _produce(self, seed: int) -> None:
        dice = random.Random(seed + 1)
        number = 0
        while not self._is_over.is_set():
            number += 1
            try:
                self._scene.send(f"job-{number}", **self._kind_of_job(dice))
            except BrokerUnavailable:
                self.refused += 1  # it may be in the queue all the same, but was not promised
            time.sleep(dice.uniform(0, 0.01))

    def _kind_of_job(self, dice: random.Random) -> dict[str, Any]:
        roll = dice.random()
        if roll < 0.1:
            return {"delay": dice.randrange(3_000)}
        if roll < 0.2:
            return {"actor": "fail_at_first"}
        return {}

    # -- faults -----------------------------------------------------------------------------------

    def _kill_a_worker(self) -> None:
        self._any_worker().kill()

    def _stop_a_worker(self) -> None:
        self._any_worker().send_signal(signal.SIGTERM)

    def _freeze_a_worker(self) -> None:
        worker = self._any_worker()
        worker.send_signal_to_group(signal.SIGSTOP)
        time.sleep(self._random.uniform(0.1, 2.0))
        worker.send_signal_to_group(signal.SIGCONT)

    def _kill_the_server(self) -> None:
        self._server.kill()
        time.sleep(self._random.uniform(0, 0.5))
        self._server.start_again()

    def _cut_the_network(self) -> None:
        self._proxy.close()
        time.sleep(self._random.uniform(0, 1.0))
        self._proxy.open()

    def _cut_the_workers_side(self) -> None:
        self._proxy.cut_clients()

    def _stall_the_network(self) -> None:
        self._proxy.stall()
        time.sleep(self._random.uniform(0, 2.0))
        self._proxy.flow()

    def _kill_connections(self) -> None:
        self._scene.broker.client.client_kill_filter(_type="normal", skipme=True)

    def _flush_scripts(self) -> None:
        self._scene.broker.client.script_flush()

    def _fill_memory(self) -> None:
        self._scene.broker.client.config_set("maxmemory", 1)
        time.sleep(self._random.uniform(0, 1.0))
        self._scene.broker.client.config_set("maxmemory", 0)

    def _poison(self) -> None:
        self.poisoned += 1
        redis_id = f"poison-{self.poisoned}"
        self._scene.broker.client.hset("dramatiq:jobs.msgs", redis_id, b"\xff no message")
        self._scene.broker.client.rpush("dramatiq:jobs", redis_id)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    # Synced before each answer: with `everysec`, a write may wait for a sync that is under way, so
    # that a killed server can forget what it has accepted in the last two seconds.
    with contextlib.ExitStack() as stack:
        options = {"appendonly": "yes", "appendfsync": "always", "save": '""'}
        yield start_server(tmp_path / "server", stack, options=options)


@pytest.fixture
def make_chaos(
    server: Server, start: ProcessStarter, tmp_path: Path
) -> Iterator[Callable[[int], tuple[Chaos, Scene]]]:
    url = f"redis://{server.address}"
    scene = Scene(url, start, tmp_path / "ledger")
    with Proxy(url) as proxy:
        yield lambda seed: (Chaos(scene, server, proxy, seed), scene)
    scene.close()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_nothing_is_lost_whatever_happens(
    make_chaos: Callable[[int], tuple[Chaos, Scene]],
) -> None:
    survive(*make_chaos(seed(SHORT_SECONDS)), seconds=SHORT_SECONDS)


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_nothing_is_lost_whatever_happens_for_minutes(
    make_chaos: Callable[[int], tuple[Chaos, Scene]],
) -> None:
    seconds = float(os.environ.get("CHAOS_SECONDS") or LONG_SECONDS)
    survive(*make_chaos(seed(seconds)), seconds=seconds)


def seed(seconds: float) -> int:
    """The seed of a run, which is printed so that the run can be repeated."""
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    print(f"CHAOS_SEED={seed} CHAOS_SECONDS={seconds:.0f}")  # noqa: T201
    return seed


def survive(chaos: Chaos, scene: Scene, *, seconds: float) -> None:
    chaos.run(seconds)

    # Jobs over which three workers died are dead letters, as they should be.
    def all_is_accounted_for() -> bool:
        chaos.keep_workers()
        return not scene.ledger.missing(dead=innocent_dead_letters())

    def innocent_dead_letters() -> int:
        return sum(not redis_id.startswith("poison-") for redis_id in scene.dead_letters())

    try:
        eventually(
            all_is_accounted_for,
            timeout_seconds=CALM_SECONDS,
            complaint=lambda: (
                f"missing: {scene.ledger.missing()}, "
                f"of these started: {scene.ledger.missing() & set(scene.ledger.started())}\n"
                f"{scene.evidence()}"
            ),
        )
        scene.wait_until_nothing_is_left()
    finally:
        print(  # noqa: T201 - the result of the run
            f"{scene.ledger.report(dead=innocent_dead_letters())}; refused {chaos.refused}, "
            f"poisoned {chaos.poisoned}, workers that died {chaos.deaths}"
        )
    poison = {redis_id for redis_id in scene.dead_letters() if redis_id.startswith("poison-")}
    assert len(poison) == chaos.poisoned
