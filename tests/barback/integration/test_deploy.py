"""What lies in deploy/ fits what the board tells."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import dramatiq
import pytest

from barback.connection.incidents import incidents
from barback.messages.delivery import Delivery
from barback.metrics.prometheus import exposition
from barback.metrics.recorder import Recorder
from barback.metrics.writer import HistoryWriter
from tests.support.programs import require_program

if TYPE_CHECKING:
    from pathlib import Path

    from barback import RedisBroker

_NAME = re.compile(r"\bbarback_[a-z_]+")


@pytest.fixture
def figures(broker: RedisBroker) -> bytes:
    """What the board tells of a queue in which something has run."""
    message: dramatiq.Message[None] = dramatiq.Message("beer", "pour", (), {}, {})
    broker.enqueue(message)
    recorder = Recorder()
    recorder.begin({"pour"})
    writer = HistoryWriter(broker.store, recorder)
    recorder.after_process_message(broker, Delivery(message.asdict(), "id"))
    incidents.note("crash", "beer")
    incidents.note("recovery", "beer")
    writer.write()
    return exposition(broker)


@pytest.mark.parametrize("path", ["prometheus/alerts.yml", "grafana/barback.json"])
def test_every_figure_that_is_asked_for_exists(
    project_dir: Path, figures: bytes, path: str
) -> None:
    text = (project_dir / "deploy" / path).read_text()
    there = set(_NAME.findall(figures.decode()))

    assert set(_NAME.findall(text)) <= there


def test_prometheus_accepts_rules_configuration_and_figures(
    project_dir: Path, figures: bytes
) -> None:
    promtool = require_program("promtool", install="apt-get install prometheus")
    folder = project_dir / "deploy" / "prometheus"
    for arguments, given in (
        (["check", "rules", folder / "alerts.yml"], None),
        (["check", "config", folder / "prometheus.yml"], None),
        (["check", "config", "--syntax-only", folder / "compose.yml"], None),
        (["check", "metrics"], figures),
    ):
        done = subprocess.run(
            [promtool, *arguments], input=given, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_has_panels_that_do_not_overlap(project_dir: Path) -> None:
    dashboard = json.loads((project_dir / "deploy" / "grafana" / "barback.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
