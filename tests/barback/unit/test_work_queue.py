from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, PriorityQueue
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from barback.consuming.threads import WorkerThreads
from barback.speedups.work_queue import WorkQueue
from tests.support.polling import eventually


@dataclass(frozen=True, order=True)
class Item:
    priority: int
    number: int


@given(st.lists(st.integers(-5, 5)))
def test_items_leave_as_from_a_priority_queue_first_come_first_served(
    priorities: list[int],
) -> None:
    ours, reference = WorkQueue(), PriorityQueue[Item]()
    for number, priority in enumerate(priorities):
        ours.put(Item(priority, number))
        reference.put(Item(priority, number))

    assert [ours.get_nowait() for _ in priorities] == [reference.get() for _ in priorities]
    assert ours.empty()


def test_waiting_for_an_item_ends_when_the_time_is_up() -> None:
    started_at = time.monotonic()

    with pytest.raises(Empty):
        WorkQueue().get(timeout=0.05)

    assert time.monotonic() - started_at > 0.04


def test_draining_takes_everything_and_counts_it_as_done() -> None:
    queue = WorkQueue()
    for number in range(5):
        queue.put(Item(number % 2, number))

    assert [item.number for item in queue.drain()] == [0, 2, 4, 1, 3]
    assert queue.qsize() == 0
    queue.join()


def test_closing_wakes_whoever_waits_and_leaves_the_items() -> None:
    # Given threads that wait without end, and others that go on asking
    queue = WorkQueue()
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.is_set():
            with contextlib.suppress(Empty):
                queue.get(timeout=0.001)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(queue.get) for _ in range(4)]
        asking = [pool.submit(ask) for _ in range(4)]

        # When the queue is closed
        queue.close()

        # Expect them all to find nothing
        try:
            for each in waiting:
                with pytest.raises(Empty):
                    each.result(10)
        finally:
            stopped.set()
        assert [each.result(10) for each in asking] == [None] * 4

    # And what comes in late to be taken
    for number in range(3):
        queue.put(Item(0, number))
    assert [item.number for item in queue.drain()] == [0, 1, 2]


def test_whoever_waits_without_end_can_be_woken_and_takes_no_item_from_others() -> None:
    # Given a thread that waits without end
    queue = WorkQueue()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.get)
        # When it is woken, more often than needed
        queue.wake_one()
        queue.wake_one()
        # Expect it to find nothing
        with pytest.raises(Empty):
            waiting.result(60)
    assert queue.empty()
    # And what comes in after that to be taken, though somebody was to be woken and nobody waited
    queue.wake_one()
    for number in range(3):
        queue.put(Item(0, number))
    assert [queue.get_nowait().number for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Empty):
        queue.get_nowait()
    assert queue.empty()


def test_a_thread_that_is_to_pause_and_waits_is_woken() -> None:
    # Given two threads of which one pauses, and the other one waits for a message without end
    queue = WorkQueue()
    threads = [SimpleNamespace(paused=True, paused_event=threading.Event()) for _ in range(2)]
    threads[0].paused_event.set()
    worker: Any = SimpleNamespace(work_queue=queue, workers=threads, worker_threads=2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.get)
        # When the worker looks after its threads, expect it to be woken
        WorkerThreads(worker).wake_paused()
        with pytest.raises(Empty):
            waiting.result(60)
    # And nobody to be once all of them pause
    threads[1].paused_event.set()
    WorkerThreads(worker).wake_paused()
    assert queue.empty()


def test_joining_waits_for_what_is_being_worked_on() -> None:
    queue = WorkQueue()
    queue.put(Item(0, 0))
    joining = threading.Thread(target=queue.join, daemon=True)
    joining.start()
    queue.get_nowait()

    joining.join(0.05)
    assert joining.is_alive()

    queue.task_done()
    joining.join(5)
    assert not joining.is_alive()


def test_many_threads_get_each_item_once() -> None:
    queue, taken = WorkQueue(), list[int]()

    def take() -> None:
        with contextlib.suppress(Empty):
            while True:
                taken.append(queue.get().number)

    takers = [threading.Thread(target=take) for _ in range(4)]
    for taker in takers:
        taker.start()
    for number in range(4_000):
        queue.put(Item(number % 7, number))
    eventually(queue.empty)
    queue.close()
    for taker in takers:
        taker.join(10)

    assert sorted(taken) == list(range(4_000))


def test_some_can_be_taken_out_while_threads_take_others() -> None:
    # Given threads that take items, and one that puts them there
    queue, taken, taken_out = WorkQueue(), list[int](), list[int]()
    is_over = threading.Event()

    def take() -> None:
        while not is_over.is_set():
            with contextlib.suppress(Empty):
                taken.append(queue.get(timeout=0.01).number)
                queue.task_done()

    def put() -> None:
        for number in range(4_000):
            queue.put(Item(number % 3, number))

    threads = [threading.Thread(target=take) for _ in range(3)]
    putting = threading.Thread(target=put)
    for thread in (*threads, putting):
        thread.start()

    # When another one takes some out meanwhile
    while putting.is_alive():
        taken_out += [item.number for item in queue.take_out(lambda item: item.number % 2 == 0)]
    queue.join()
    is_over.set()
    for thread in threads:
        thread.join(10)

    # Expect each to be somewhere once
    assert not [number for number in taken_out if number % 2]
    assert sorted(taken + taken_out) == list(range(4_000))
    assert queue.empty()
