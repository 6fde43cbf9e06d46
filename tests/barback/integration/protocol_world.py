"""The world of `test_protocol.py`: producers, workers and their networks, and what has to hold."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import dramatiq
import redis
from hypothesis.stateful import RuleBasedStateMachine, invariant

from barback import RedisBroker
from barback.control import pause, resume
from tests.barback.integration.protocol_state import places_of_messages, what_is_left
from tests.support.flaky_network import FlakyNetwork, PlannedFault
from tests.support.stepwise_worker import StepwiseWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

#: After how many rounds without a fault everything has to be done.
CALM_ROUNDS = 300

#: How often a message is sent again by its actor, at the most.
MAX_RETRIES = 2


class World(RuleBasedStateMachine):
    """What there is, and the account of it."""

    redis_url: str
    control: redis.Redis
    log: LogOfErrors
    tally: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.control.flushall()
        self.log.errors.clear()
        self.network = FlakyNetwork(self.redis_url)
        self.producer = RedisBroker(client=self.network.client(), middleware=[])
        self.direct = RedisBroker(client=self.control, middleware=[])
        self.direct.store.register(["jobs"])
        self.living: list[StepwiseWorker] = []
        self.dead: list[StepwiseWorker] = []
        self.hired = self.jobs = 0
        self.accepted: set[int] = set()
        self.finished: set[int] = set()
        self.starts: Counter[str] = Counter()
        #: Entries that may run again: their worker died, or counted as dead.
        self.excused: set[str] = set()
        self.tally["interleavings"] += 1

    def send_by_stock(self) -> None:
        message = self.message(None)
        redis_id = f"stock-{message.args[0]}"
        message = message.copy(options={"redis_message_id": redis_id})
        self.control.hset("dramatiq:jobs.msgs", redis_id, message.encode())
        self.control.rpush("dramatiq:jobs", redis_id)
        self.accepted.add(message.args[0])

    def message(self, priority: int | None) -> dramatiq.Message[Any]:
        self.jobs += 1
        self.tally["messages"] += 1
        options = {} if priority is None else {"priority": priority}
        return dramatiq.Message("jobs", "job", (self.jobs,), {}, options)

    # -- the workers ------------------------------------------------------------------------------

    def add_worker(self, *, shares_line: bool) -> StepwiseWorker | None:
        """Start a worker, unless the network forbids it."""
        self.hired += 1
        worker_id = f"worker-{self.hired}"
        try:
            worker = StepwiseWorker(self.redis_url, worker_id, shares_line=shares_line)
        except redis.RedisError:
            return None
        self.living.append(worker)
        return worker

    def let_consume(self, worker: StepwiseWorker, steps: int, fault: PlannedFault = None) -> None:
        worker.network.expect(fault)
        for _ in range(steps):
            self.tally["steps"] += 1
            worker.step()

    def let_start(self, worker: StepwiseWorker) -> None:
        delivery = worker.start()
        if delivery is not None:
            self.starts[delivery.redis_id] += 1
            self.tally["starts"] += 1

    def let_finish(self, worker: StepwiseWorker, end: str, fault: PlannedFault = None) -> None:
        worker.network.expect(fault)
        if not worker.running:
            return
        delivery = worker.running.pop(0)
        retries = delivery.options.get("retries", 0)
        if end.startswith("retry") and retries < MAX_RETRIES:
            delivery.options["retries"] = retries + 1
            worker.broker.enqueue(delivery, delay=2 if end == "retry later" else None)  # type: ignore[arg-type]
            worker.consumer.ack(delivery)
        elif end == "nack":
            worker.consumer.nack(delivery)
        else:
            worker.consumer.ack(delivery)
            self.finished.add(delivery.args[0])

    def bury(self, worker: StepwiseWorker) -> None:
        self.living.remove(worker)
        self.dead.append(worker)

    def excuse(self, worker: StepwiseWorker) -> None:
        held: Any = self.control.smembers(self.direct.store.keys("jobs").acks(worker.worker_id))
        self.excused |= {*worker.held_ids, *(raw_id.decode() for raw_id in held)}

    # -- what happens elsewhere -------------------------------------------------------------------

    def recover_the_dead(self) -> None:
        for worker in self.dead:
            self.recover(worker)

    def recover(self, worker: StepwiseWorker) -> None:
        store = self.direct.store
        sign: Any = self.control.zscore(store.keys("jobs").heartbeats, worker.worker_id)
        if sign is not None:
            store.worker_calls("jobs", worker.worker_id).recover(repr(sign).encode())

    def look(self) -> None:
        for worker in self.living:
            bell = worker.consumer._calls.bell
            self.direct.store.look(self.direct.store.connections, {"jobs": bell})

    def promote(self) -> None:
        self.direct.store.calls("jobs").promote(10)

    def pause(self) -> None:
        pause(self.direct, "jobs")

    def resume(self) -> None:
        resume(self.direct, "jobs")

    def kill_connections(self) -> None:
        self.tally["connections killed"] += 1
        self.control.client_kill_filter(_type="normal", skipme=True)

    def forget_scripts(self) -> None:
        self.control.script_flush()

    def deliver_what_is_late(self) -> None:
        for network in self.networks():
            before = len(network.delivered)
            network.deliver()
            # A command that Redis executes after the program has said it again.
            late = network.delivered[before:]
            ids = [*self.starts, *places_of_messages(self.control)]
            self.excused |= {redis_id for redis_id in ids if redis_id.encode() in late}

    def networks(self) -> Iterator[FlakyNetwork]:
        yield self.network
        for worker in [*self.living, *self.dead]:
            yield worker.network

    # -- what always holds ------------------------------------------------------------------------

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        for redis_id, places in places_of_messages(self.control).items():
            assert len(places) == 1 or redis_id in self.excused, (redis_id, places)

    @invariant()
    def no_message_ran_twice(self) -> None:
        again = {redis_id for redis_id, starts in self.starts.items() if starts > 1}
        assert again <= self.excused, again - self.excused

    @invariant()
    def nothing_was_stranded(self) -> None:
        assert self.log.errors == []

    def teardown(self) -> None:
        try:
            self.calm_down()
            self.expect_all_to_be_done()
        finally:
            for network in self.networks():
                for fault, count in network.faults.items():
                    self.tally[f"faults: {fault.value}"] += count
                network.end(tidily=True)
            self.direct.store.close()

    def calm_down(self) -> None:
        for network in self.networks():
            network.heal()
        self.deliver_what_is_late()
        resume(self.direct, "jobs")
        if not self.living:
            self.add_worker(shares_line=False)
        for _ in range(CALM_ROUNDS):
            self.recover_the_dead()
            self.promote()
            self.look()
            for worker in self.living:
                self.let_consume(worker, 2)
                while worker.running or not worker.state.work_queue.empty():
                    self.let_start(worker)
                    self.let_finish(worker, "ack")
            if not what_is_left(self.control):
                break

    def expect_all_to_be_done(self) -> None:
        assert what_is_left(self.control) == []
        letters: Any = self.control.hvals("dramatiq:jobs.XQ.msgs")
        dead = {dramatiq.Message.decode(payload).args[0] for payload in letters}
        assert self.accepted <= self.finished | dead
        self.every_message_is_in_one_place()
        self.no_message_ran_twice()
        self.nothing_was_stranded()


class LogOfErrors(logging.Handler):
    """Keeps what the audit complains of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(record.getMessage())
