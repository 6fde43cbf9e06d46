"""The scheduler of periodic actors on a real Valkey, by a clock that the tests set."""

from __future__ import annotations

import datetime as dt
import itertools
import signal
from typing import TYPE_CHECKING, Any, cast

import dramatiq
import periodiq
import pytest
import redis

from barback import RedisBroker
from barback.connection.outage import LONGEST_PAUSE_SECONDS
from barback.control import Control, Unique, purge
from barback.cron import cron
from barback.errors import BrokerUnavailable
from barback.periodic import Periodic, take_over_periodiq
from barback.periodic.record import TickRecord
from barback.periodic.scheduler import LOOK_INTERVAL, TickScheduler
from tests.support.answering_server import answering_server
from tests.support.clocks import VirtualClock
from tests.support.keys import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.everywhere


@pytest.fixture
def broker(redis_url: str) -> Iterator[RedisBroker]:
    broker = RedisBroker(url=redis_url)
    broker.add_middleware(Periodic())
    yield broker
    broker.close()
    broker.client.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock("2026-06-10 03:59:30")


@pytest.fixture(autouse=True)
def _signal_handlers() -> Iterator[None]:
    """Schedulers set them, as they are the program."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def declare(
    broker: RedisBroker, spec: str, name: str = "close_the_till", **options: Any
) -> dramatiq.Actor[[], None]:
    actor: dramatiq.Actor[[], None] = dramatiq.actor(
        actor_name=name,
        queue_name="till",
        broker=broker,
        periodic=cron(spec),
        **options,
    )(_close_the_till)
    return actor


def _close_the_till() -> None:
    raise AssertionError("no worker runs in these tests")


def scheduler(broker: RedisBroker, clock: VirtualClock) -> TickScheduler:
    """A scheduler as another process would have it: nothing is shared but Redis."""
    return TickScheduler(broker.actors.values(), now=clock.now)


def sent_ticks(broker: RedisBroker) -> list[str]:
    """The ticks of the messages that wait, in the order in which they are served."""
    ids = broker.client.lrange(keys_of(broker.client, "till").queue, 0, -1)
    bodies = broker.client.hgetall(keys_of(broker.client, "till").messages)
    messages = [dramatiq.Message.decode(cast("bytes", bodies[message_id])) for message_id in ids]
    return [message.options["scheduled_at"][:16] for message in messages]


def test_a_tick_is_sent_at_its_minute(broker: RedisBroker, clock: VirtualClock) -> None:
    # Given a scheduler half a minute before a tick
    declare(broker, "0 4 * * *")
    it = scheduler(broker, clock)
    # When it looks and waits as long as it says, again and again
    while not sent_ticks(broker):
        assert clock.now() <= dt.datetime(2026, 6, 10, 4, 0, tzinfo=dt.UTC)
        clock.advance(it.look().total_seconds())
    # Expect the tick to be sent at 04:00:00, and not again
    assert it.look().total_seconds() == LOOK_INTERVAL.total_seconds()
    assert sent_ticks(broker) == ["2026-06-10T04:00"]


def test_a_first_start_within_the_minute_of_a_tick_sends_it(
    broker: RedisBroker, clock: VirtualClock
) -> None:
    declare(broker, "0 4 * * *")
    clock.set("2026-06-10 04:00:59")
    scheduler(broker, clock).look()
    assert sent_ticks(broker) == ["2026-06-10T04:00"]


def test_a_first_start_has_nothing_to_catch_up_with(
    broker: RedisBroker, clock: VirtualClock
) -> None:
    declare(broker, "* * * * *", catch_up="all")
    scheduler(broker, clock).look()
    assert sent_ticks(broker) == ["2026-06-10T03:59"]


def test_any_number_of_schedulers_send_a_tick_once(
    broker: RedisBroker, clock: VirtualClock
) -> None:
    # Given three schedulers
    declare(broker, "* * * * *")
    schedulers = [scheduler(broker, clock) for _ in range(3)]
    # When an hour passes for all of them
    for _ in range(60):
        clock.advance(60)
        for it in schedulers:
            it.look()
    # Expect 60 ticks, in order
    assert sent_ticks(broker) == sorted(set(sent_ticks(broker)))
    assert len(sent_ticks(broker)) == 60


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("skip", []),
        ("once", ["2026-06-10T09:00"]),
        ("all", ["2026-06-10T07:00", "2026-06-10T08:00", "2026-06-10T09:00"]),
    ],
)
def test_a_restart_catches_up_by_policy_and_warns(
    broker: RedisBroker,
    clock: VirtualClock,
    caplog: pytest.LogCaptureFixture,
    catch_up: str,
    expected: list[str],
) -> None:
    # Given a scheduler that ran until 04:30
    declare(broker, "0 * * * *", catch_up=catch_up, grace_seconds=3 * 3600)
    clock.set("2026-06-10 04:30:00")
    scheduler(broker, clock).look()
    # When another one starts at 09:30
    clock.set("2026-06-10 09:30:00")
    scheduler(broker, clock).look()
    # Expect what the policy says, and nothing more at the next look
    assert sent_ticks(broker) == expected
    scheduler(broker, clock).look()
    assert sent_ticks(broker) == expected
    # And a warning for what was left out, and for each that came late
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "close_the_till: nobody sent its ticks since 2026-06-10T05:00" in caplog.text
    assert len(warnings) == 1 + len(expected)


def test_a_new_schedule_has_no_past(broker: RedisBroker, clock: VirtualClock) -> None:
    # Given a monthly actor that a scheduler looks after
    declare(broker, "0 0 1 * *")
    scheduler(broker, clock).look()
    # When it is deployed anew with a daily schedule whose time of today is long gone
    clock.set("2026-06-10 05:00:30")
    scheduler(broker, clock).look()
    broker.actors.clear()
    declare(broker, "0 4 * * *", grace_seconds=86_400)
    clock.set("2026-06-10 05:01:00")
    scheduler(broker, clock).look()
    # Expect nothing to be caught up with: nobody missed it
    assert sent_ticks(broker) == []


def test_a_scheduler_that_dies_after_sending_leaves_nothing_to_send_twice(
    broker: RedisBroker, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a scheduler that dies between the sending of a tick and the note of it
    declare(broker, "0 4 * * *")
    scheduler(broker, clock).look()
    clock.set("2026-06-10 04:00:00")
    with monkeypatch.context() as patch:
        patch.setattr(TickRecord, "looked", _die)
        with pytest.raises(SystemExit):
            scheduler(broker, clock).look()
    # When another one takes over
    clock.set("2026-06-10 04:00:10")
    scheduler(broker, clock).look()
    # Expect the tick once
    assert sent_ticks(broker) == ["2026-06-10T04:00"]


@pytest.mark.one_server
def test_a_tick_is_claimed_and_enqueued_in_one_step(
    broker: RedisBroker, clock: VirtualClock, redis_url: str
) -> None:
    # Given a scheduler at the time of a tick
    declare(broker, "0 4 * * *")
    it = scheduler(broker, clock)
    clock.set("2026-06-09 04:00:00")
    it.look()  # from here on the server knows the broker's scripts
    clock.set("2026-06-10 04:00:00")
    # When the server shows what it is told to do
    with redis.Redis.from_url(redis_url) as watcher, watcher.monitor() as monitor:
        it.look()
        broker.client.echo("the end")
        commands = itertools.takewhile(
            lambda command: not command["command"].startswith("ECHO"), monitor.listen()
        )
        seen = [
            (command["client_type"], command["command"].split()[0])
            for command in commands
            if "close_the_till:2026" in command["command"] or "till.msgs" in command["command"]
        ]
    # Expect one command of a client, within which the token and the message are written
    assert [name for kind, name in seen if kind != "lua"] == ["EVALSHA"]
    assert ("lua", "SET") in seen
    assert ("lua", "HSET") in seen


def test_a_tick_whose_sending_failed_is_sent_when_the_broker_is_back(
    broker: RedisBroker,
    clock: VirtualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a broker that is away for a while at the time of a tick
    declare(broker, "0 4 * * *", catch_up="skip")
    scheduler(broker, clock).look()
    clock.set("2026-06-10 04:00:00")
    enqueue_once = broker.enqueue_once
    failures = iter(range(3))

    def fail_three_times(*args: Any, **kwargs: Any) -> Any:
        if next(failures, None) is not None:
            raise BrokerUnavailable("no connection")
        return enqueue_once(*args, **kwargs)

    monkeypatch.setattr(broker, "enqueue_once", fail_three_times)
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        clock.advance(seconds)
        return len(pauses) == 5

    # When the scheduler runs on
    TickScheduler(broker.actors.values(), now=clock.now, wait=wait).loop()
    # Expect it to try again soon, and to send the tick once
    assert max(pauses[:3]) <= LONGEST_PAUSE_SECONDS
    assert sent_ticks(broker) == ["2026-06-10T04:00"]
    assert caplog.text.count("Interrupted: periodic actors. Reason: no connection.") == 1
    assert caplog.text.count("Resumed: periodic actors") == 1


def test_a_server_that_says_nothing_is_told_of_before_it_is_waited_for_again(
    clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a server that takes connections and says nothing
    with answering_server(b"") as server:
        broker = RedisBroker(url=server.url, socket_timeout=0.1)
        broker.add_middleware(Periodic())
        declare(broker, "0 4 * * *")
        told: list[str] = []

        def now() -> dt.datetime:
            told.append(caplog.text)
            return clock.now()

        # When a scheduler starts
        TickScheduler(broker.actors.values(), now=now, wait=lambda _: True).loop()
        broker.close()

    # Expect it to say so before it asks for anything else
    assert "Interrupted: periodic actors. Reason: Timeout reading from socket." in told[0]


def test_an_actor_whose_tick_cannot_be_sent_keeps_no_other_waiting(
    broker: RedisBroker, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two actors with a tick, of which the first cannot be sent for a reason nobody foresaw
    declare(broker, "0 4 * * *", name="cursed")
    declare(broker, "0 4 * * *", name="close_the_till")
    clock.set("2026-06-10 04:00:00")
    enqueue_once = broker.enqueue_once

    def refuse_the_cursed(message: dramatiq.Message[Any], **kwargs: Any) -> Any:
        if message.actor_name == "cursed":
            raise KeyError("nobody foresaw this")
        return enqueue_once(message, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(broker, "enqueue_once", refuse_the_cursed)
        with pytest.raises(KeyError):
            scheduler(broker, clock).look()

        # Expect the reason to be told where there is no other, as well
        del broker.actors["close_the_till"]
        with pytest.raises(KeyError):
            scheduler(broker, clock).look()

    # Expect the other to be sent, and the first as soon as it can be
    assert sent_ticks(broker) == ["2026-06-10T04:00"]
    scheduler(broker, clock).look()
    assert sent_ticks(broker) == ["2026-06-10T04:00"] * 2


def test_a_tick_is_left_out_while_the_one_before_it_keeps_others_away(
    broker: RedisBroker, clock: VirtualClock
) -> None:
    # Given an actor of which one message at a time is enough, and whose senders want an error
    broker.add_middleware(Control())
    declare(broker, "* * * * *", unique=Unique(on_conflict="raise"))
    it = scheduler(broker, clock)
    it.look()

    # When it is due again and the last one waits, expect that to be no failure
    clock.advance(60)
    it.look()

    # Expect the next one to be sent when that one is gone, and not what was due before
    purge(broker, "till")
    it.look()
    clock.advance(60)
    it.look()
    assert sent_ticks(broker) == ["2026-06-10T04:01"]


def test_ticks_of_every_minute_do_not_fill_the_log(
    broker: RedisBroker, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a scheduler of an actor with a tick each minute
    declare(broker, "* * * * *")
    caplog.set_level("INFO", "barback.periodic")
    one = scheduler(broker, clock)

    # When it looks for two hours
    for _ in range(120):
        one.look()
        clock.advance(60)

    # Expect every tick to be sent, and a line each hour
    assert len(sent_ticks(broker)) == 120
    assert caplog.text.count("sent the tick of") == 2


def test_a_server_whose_clock_is_set_back_sends_no_tick_again(
    broker: RedisBroker, clock: VirtualClock
) -> None:
    declare(broker, "0 * * * *")
    for now in ("05:00:00", "04:30:00", "05:00:00", "05:00:20"):
        clock.set(f"2026-06-10 {now}")
        scheduler(broker, clock).look()
    assert sent_ticks(broker) == ["2026-06-10T05:00"]


@pytest.mark.one_server
def test_ticks_that_are_left_out_are_told_of_once_while_the_server_takes_nothing(
    broker: RedisBroker, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    # Given ticks that nobody sent
    declare(broker, "* * * * *", catch_up="skip")
    it = scheduler(broker, clock)
    it.look()
    clock.advance(600)
    # When a scheduler looks, again and again, on a server that takes nothing, and then does
    broker.client.config_set("min-replicas-to-write", 1)
    try:
        for _ in range(3):
            with pytest.raises(BrokerUnavailable):
                it.look()
    finally:
        broker.client.config_set("min-replicas-to-write", 0)
    it.look()
    # Expect one warning
    assert caplog.text.count("nobody sent its ticks since") == 1


def test_periodiq_itself_can_run_our_schedules(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an actor with our cron, and periodiq's own scheduler
    declare(broker, "* * * * *")
    naps: list[int] = []
    monkeypatch.setattr(periodiq, "alarm", naps.append)
    monkeypatch.setattr(periodiq, "sleep", lambda _: None)
    # When it looks
    periodiq.print_periodic_actors(broker.actors.values())
    periodiq.Scheduler(actors=list(broker.actors.values())).schedule()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    # Expect the tick of this minute, and an alarm within the next
    assert len(sent_ticks(broker)) == 1
    assert all(0 <= nap <= 60 for nap in naps)


def test_the_takeover_replaces_the_scheduler_of_periodiq_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given periodiq as it is imported by its command
    monkeypatch.setattr(periodiq, "Scheduler", periodiq.Scheduler)  # undone after the test
    before = dict(vars(periodiq))
    # When the broker's module takes over
    assert take_over_periodiq()
    # Expect one name to differ, and the new class to have all that the command uses of the old
    after = vars(periodiq)
    assert [name for name in before if after[name] is not before[name]] == ["Scheduler"]
    assert set(periodiq.main.__code__.co_names) & set(dir(before["Scheduler"])) == {
        "schedule",
        "loop",
    }
    assert {"schedule", "loop"} <= set(dir(TickScheduler))


def _die(*_: object) -> None:
    raise SystemExit(1)
