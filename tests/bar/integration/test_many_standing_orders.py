"""Standing orders that are all due at once."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from actors import SERVING_ACTORS
from barback import RedisBroker
from database.base import utc_now
from database.engine import make_engine, writing
from database.migrations import migrate
from database.standing_orders import StandingOrder
from standing_orders.runner import Runner
from tests.support.polling import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

COUNT = 60


def test_a_scheduler_that_places_many_orders_looks_up_now_and_then(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given many orders that are due, and a scheduler that soon looks up
    engine = make_engine(make_url(f"sqlite:///{tmp_path}/bar.db"))
    migrate(engine)
    monkeypatch.setattr("database.engine.engine", lambda: engine)
    monkeypatch.setattr("standing_orders.runner.PLACING_SECONDS", 0.02)
    then = utc_now() - dt.timedelta(minutes=90)
    row = {"created_at": then, "handled_until": then, "timezone": "UTC", "every_seconds": 3600}
    with writing() as session:
        session.add_all(StandingOrder(drink="coffee", **row) for _ in range(COUNT))
    broker = RedisBroker(url=redis_url)
    runner = Runner(broker, SERVING_ACTORS)
    lengths: list[int] = []
    look = runner.look

    def look_and_tell() -> float:
        wait_seconds = look()
        lengths.append(broker.queue_length("coffee"))
        return min(wait_seconds, 0.01)

    monkeypatch.setattr(runner, "look", look_and_tell)
    # When it runs
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=[stop])
    thread.start()
    # Expect some orders to be placed at each look, and all of them, once, in the end
    try:
        eventually(lambda: COUNT in lengths, timeout_seconds=60)
    finally:
        stop.set()
        thread.join()
        broker.close()
        engine.dispose()
    assert len(set(lengths)) > 2
    assert max(lengths) == COUNT
