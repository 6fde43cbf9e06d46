"""What a type checker says of actors with control options: mypy fails where it says nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from barback.control import Limit, Unique, actor
from barback.control.stub import StubBroker
from barback.errors import InvalidOption
from tests.conftest import PROJECT_DIR

if TYPE_CHECKING:
    from pathlib import Path

#: A user's module. Where a line says so, mypy is to find an error of that kind, and nowhere else.
MODULE = """
from barback import RedisBroker
from barback.control import Limit, Unique, actor, cancel, find, progress

broker = RedisBroker(url="redis://127.0.0.1:1")


@actor(unique=Unique(until="start"), limit=Limit(lambda order, size=1: order, at_once=2))
def pour(order: str, size: int = 1) -> float:
    progress(1, size, "poured")
    return size / 2


message = pour.send("one", size=2)
if cancel(broker, message.message_id) == "cancelled":
    print(find(broker, message.message_id).state)

pour.send(1)  # error: arg-type
pour.send_with_options(args=("one",), delay=1000)
cancel(broker, 5)  # error: arg-type
progress("half")  # error: arg-type
Limit(at_once=1)  # error: call-arg
Limit("tap", at_once="2")  # error: arg-type
Unique(until="never")  # error: arg-type
Unique(on_conflict="ignore")  # error: arg-type


@actor(unique=True)  # error: arg-type
def one() -> None: ...


@actor(limit=2)  # error: arg-type
def two() -> None: ...


@actor(on_cancel="kill")  # error: arg-type
def three() -> None: ...
"""


def test_an_actor_keeps_the_types_of_its_function() -> None:
    broker = StubBroker()

    @actor(broker=broker, queue_name="beer", unique=Unique(), limit=Limit("tap", at_once=2))
    def pour(order: str, size: int = 1) -> float:
        return len(order) * size / 2

    assert pour.send("one", size=2).queue_name == "beer"
    pour.message(1)  # type: ignore[arg-type]


def test_wrong_options_are_errors_of_types_and_of_declarations() -> None:
    broker = StubBroker()

    with pytest.raises(InvalidOption, match="Unique, got 'yes'"):

        @actor(broker=broker, unique="yes")  # type: ignore[arg-type]
        def one() -> None: ...

    with pytest.raises(InvalidOption, match="'ask', 'interrupt', got 'kill'"):

        @actor(broker=broker, on_cancel="kill")  # type: ignore[arg-type]
        def two() -> None: ...


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mypy_finds_what_is_wrong_in_a_user_s_module(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(MODULE)
    expected = [
        (number, marked[1])
        for number, line in enumerate(MODULE.splitlines(), 1)
        if (marked := re.search(r"# error: (.*)", line))
    ]

    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "orders.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(PROJECT_DIR)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    found = re.findall(r"^orders\.py:(\d+): error: .*\[([\w-]+)\]$", run.stdout, re.MULTILINE)
    assert [(int(number), kind) for number, kind in found] == expected, run.stdout
