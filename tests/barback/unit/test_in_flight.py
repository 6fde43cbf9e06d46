from __future__ import annotations

import threading
import time

from barback.consuming.in_flight import InFlight, Settlement


def test_known_ids_are_those_held_and_those_not_yet_told_each_once() -> None:
    in_flight = InFlight()
    for redis_id in ("a", "b", "c"):
        in_flight.hold([redis_id], [b""])
    in_flight.add_ack("a")
    in_flight.settlements.append(Settlement("d", ("d", "ack")))

    assert sorted(in_flight.known_ids()) == ["a", "b", "c", "d"]


def test_acknowledgements_are_taken_once_and_can_be_put_back_in_order() -> None:
    in_flight = InFlight()
    for redis_id in ("a", "b", "c"):
        in_flight.add_ack(redis_id)

    taken = in_flight.take_acks()
    in_flight.add_ack("d")
    in_flight.return_acks(taken)

    assert in_flight.take_acks() == ["a", "b", "c", "d"]
    assert in_flight.take_acks() == []


def test_waiting_ends_when_enough_is_finished() -> None:
    in_flight = InFlight()
    for number in range(10):
        in_flight.hold([str(number)], [b""])

    def finish_all() -> None:
        for number in range(10):
            in_flight.finish(str(number))

    threading.Timer(0.05, finish_all).start()
    started_at = time.monotonic()

    assert in_flight.wait_until_held(3, timeout_seconds=60)
    assert time.monotonic() - started_at < 30


def test_waiting_ends_when_the_time_is_up_or_somebody_ends_it() -> None:
    in_flight = InFlight()
    in_flight.hold(["a"], [b""])
    assert not in_flight.wait_until_held(0, timeout_seconds=0.02)

    threading.Timer(0.05, in_flight.wake).start()
    assert in_flight.wait_until_held(0, timeout_seconds=5)


def test_finishing_twice_does_nothing() -> None:
    in_flight = InFlight()
    in_flight.hold(["a"], [b""])

    in_flight.finish("a")
    in_flight.finish("a")

    assert in_flight.known_ids() == []


def test_a_message_that_threads_finish_meanwhile_is_never_overlooked() -> None:
    # Given threads that finish messages all the time, always telling before they let go
    in_flight, is_over = InFlight(), threading.Event()
    for number in range(50):
        in_flight.hold([str(number)], [b""])

    def move() -> None:
        while not is_over.is_set():
            for number in range(50):
                in_flight.add_ack(str(number))
                in_flight.settlements.append(Settlement(str(number), ()))
                in_flight.finish(str(number))
                in_flight.hold([str(number)], [b""])
                in_flight.take_acks()
                in_flight.settlements.popleft()

    mover = threading.Thread(target=move)
    mover.start()

    # Expect each of them to be known at any time
    try:
        for _ in range(500):
            assert len(in_flight.known_ids()) == 50
    finally:
        is_over.set()
        mover.join(5)
