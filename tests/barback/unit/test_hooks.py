from __future__ import annotations

import threading
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq import Middleware
from dramatiq.broker import MessageProxy
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import MiddlewareError, ShutdownNotifications, TimeLimit
from dramatiq.results import Results
from dramatiq.results.backends import StubBackend

from barback.speedups.hooks import HookedBroker, HookTable


class HookedStub(HookedBroker, StubBroker):
    def __init__(self, middleware: list[Middleware]) -> None:
        self._hooks = HookTable([])
        self._own_before, self._own_after = {}, {}
        super().__init__(middleware=middleware)


class Log(Middleware):
    def __init__(self, name: str, calls: list[str]) -> None:
        self.name = name
        self.calls = calls

    def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        self.calls.append(f"before {self.name}")

    def after_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        self.calls.append(f"after {self.name}")


class Broken(Middleware):
    def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
        raise RuntimeError("broken")

    after_enqueue = before_enqueue


def emit(broker: dramatiq.Broker) -> None:
    broker.emit_before("enqueue", None, None)
    broker.emit_after("enqueue", None, None)


def test_hooks_are_called_in_order_before_and_in_the_opposite_order_after() -> None:
    calls: list[str] = []

    emit(HookedStub([Log("a", calls), Log("b", calls)]))

    assert calls == ["before a", "before b", "after b", "after a"]


def test_middleware_that_is_added_later_is_called_too() -> None:
    calls: list[str] = []
    broker = HookedStub([Log("a", calls)])
    emit(broker)
    calls.clear()

    broker.add_middleware(Log("b", calls))
    broker.middleware.pop(0)
    emit(broker)

    assert calls == ["before b", "after b"]


def test_a_broken_hook_keeps_no_other_from_being_called() -> None:
    calls: list[str] = []

    emit(HookedStub([Broken(), Log("a", calls)]))

    assert calls == ["before a", "after a"]


def test_an_error_meant_for_the_caller_reaches_it() -> None:
    class Refuse(Middleware):
        def before_enqueue(self, broker: Any, message: Any, delay: int | None) -> None:
            raise MiddlewareError("closed")

    with pytest.raises(MiddlewareError, match="closed"):
        emit(HookedStub([Refuse()]))


def test_hooks_may_be_called_while_middleware_is_added() -> None:
    # Given threads that use the hooks all the time
    calls: list[str] = []
    broker, is_over, errors = HookedStub([Log("a", [])]), threading.Event(), list[Exception]()

    def use() -> None:
        while not is_over.is_set():
            try:
                emit(broker)
            except Exception as error:  # noqa: BLE001 - any is a failure
                errors.append(error)

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()

    # When middleware comes
    for number in range(40):
        broker.add_middleware(Log(str(number), []))
    broker.add_middleware(Log("last", calls))
    is_over.set()
    for user in users:
        user.join(5)

    # Expect no error, and the last one to be called from then on
    emit(broker)
    assert errors == []
    assert calls[-2:] == ["before last", "after last"]


def test_a_hook_whose_server_is_away_says_so_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    class Away(Middleware):
        def after_process_message(self, *_: object, **__: object) -> None:
            raise redis.ConnectionError("refused.\nforged line")

    HookedStub(middleware=[Away()]).emit_after("process_message", None)

    assert caplog.messages == ["after_process_message of Away was left out. Reason: refused."]
    assert caplog.records[0].exc_info is None


def test_a_hook_that_a_full_server_refuses_for_each_message_does_not_fill_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a server that lets workers drain it, and keeps none of their results
    class Refused(Middleware):
        def after_process_message(self, *_: object, **__: object) -> None:
            raise redis.OutOfMemoryError("used memory > 'maxmemory'")

    broker = HookedStub(middleware=[Refused()])

    # When many messages end, and one when a while has passed
    for _ in range(100):
        broker.emit_after("process_message", None)
    monkeypatch.setattr("barback.speedups.hooks.TELL_SECONDS", 0.0)
    broker.emit_after("process_message", None)

    # Expect to hear of the first, and of how many there were since
    refusal = "Reason: used memory > 'maxmemory'."
    assert caplog.messages == [
        f"after_process_message of Refused was left out. {refusal}",
        f"after_process_message of Refused was left out, 100 times since this was said. {refusal}",
    ]


@pytest.mark.parametrize("signal", ["ack", "nack", "worker_shutdown"])
def test_no_middleware_keeps_a_message_or_a_worker_from_its_end(
    signal: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Objects(Middleware):
        def before_ack(self, *_: Any) -> None:
            raise MiddlewareError("no")

        def before_nack(self, *_: Any) -> None:
            raise MiddlewareError("no")

        def before_worker_shutdown(self, *_: Any) -> None:
            raise MiddlewareError("no")

    HookedStub(middleware=[Objects()]).emit_before(signal, None)

    assert f"Unexpected failure in before_{signal} of" in caplog.text


def test_a_result_is_kept_though_its_server_is_away_for_a_moment() -> None:
    # Given a server for results that is away when the first message ends
    class AwayTwice(StubBackend):
        failures = 0

        def store_result(self, *args: Any) -> None:
            self.failures += 1
            if self.failures <= 2:
                raise redis.ConnectionError("refused")
            super().store_result(*args)

    backend = AwayTwice()
    broker = HookedStub(middleware=[Results(backend=backend, store_results=True)])
    actor = dramatiq.actor(broker=broker)(lambda: None)
    message = actor.message()

    # When it has ended
    broker.emit_after("process_message", MessageProxy(message), result="served")

    # Expect its result to be there
    assert message.get_result(backend=backend) == "served"


def test_a_result_is_left_out_when_its_server_stays_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(StubBackend):
        def store_result(self, *_: Any) -> None:
            raise redis.ConnectionError("refused")

    monkeypatch.setattr("barback.speedups.hooks.INSIST_SECONDS", 0.1)
    broker = HookedStub(middleware=[Results(backend=Away(), store_results=True)])
    message = dramatiq.actor(broker=broker)(lambda: None).message()

    broker.emit_after("process_message", MessageProxy(message), result="served")

    assert "after_process_message of Results was left out. Reason: refused." in caplog.text


def test_time_limits_end_before_anything_is_done_about_the_end_of_an_actor() -> None:
    calls: list[str] = []

    class Limit(TimeLimit):
        def after_process_message(self, *_: Any, **__: Any) -> None:
            calls.append("limit")

    class Shutdown(ShutdownNotifications):
        def after_process_message(self, *_: Any, **__: Any) -> None:
            calls.append("shutdown")

    class Retry(Middleware):
        def after_process_message(self, *_: Any, **__: Any) -> None:
            calls.append("retry")

    HookedStub(middleware=[Limit(), Shutdown(), Retry()]).emit_after("process_message", None)

    assert calls == ["shutdown", "limit", "retry"]
