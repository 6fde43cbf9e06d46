"""The alert rules fire when they should: asked of Prometheus itself."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.programs import require_program

if TYPE_CHECKING:
    from pathlib import Path

#: A queue in which nothing is and that a worker serves, as a row of figures a minute.
_QUIET = {
    **dict.fromkeys(("waiting", "limited", "running", "delayed", "dead", "paused"), "0x40"),
    "workers": "1x40",
    "oldest_seconds": "0x40",
}

_DONE = 'barback_messages_total{queue="beer",actor="pour",outcome="done"}'
_CRASHES = 'barback_worker_crashes_total{queue="beer"}'


@pytest.mark.parametrize(
    ("queue", "others", "alerts"),
    [
        ({}, {}, set()),
        ({"waiting": "3x40", "oldest_seconds": "0+60x40"}, {}, {"QueueStandsStill"}),
        ({"waiting": "3x40", "workers": "0x40"}, {}, {"QueueWithoutWorkers"}),
        # What is due, or was held by workers that died, waits for one as well.
        ({"delayed": "3x40", "workers": "0x40"}, {}, {"QueueWithoutWorkers"}),
        ({"running": "3x40", "workers": "0x40"}, {}, {"QueueWithoutWorkers"}),
        # What workers have taken ahead, or found no room for, is in no queue.
        ({"running": "2x40"}, {}, {"NothingEnds"}),
        ({"limited": "3x40", "running": "1x40"}, {_DONE: "7x40"}, {"NothingEnds"}),
        ({"limited": "3x40", "running": "1x40"}, {_DONE: "0+2x40"}, set()),
        ({"limited": "3x40", "paused": "1x40"}, {}, set()),
        ({}, {_CRASHES: "0x30 3x10"}, {"WorkersDie"}),
    ],
)
def test_alerts_fire_for_what_stands_still_and_for_nothing_else(
    project_dir: Path,
    tmp_path: Path,
    queue: dict[str, str],
    others: dict[str, str],
    alerts: set[str],
) -> None:
    figures = {f'barback_queue_{name}{{queue="beer"}}': row for name, row in _QUIET.items()}
    figures |= {f'barback_queue_{name}{{queue="beer"}}': row for name, row in queue.items()}
    figures |= {"barback_worker_threads": "8x40", **others}
    rules = project_dir / "deploy" / "prometheus" / "alerts.yml"
    expected = {
        "rule_files": [str(rules)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": it} for name, it in figures.items()],
                "promql_expr_test": [
                    {
                        "expr": 'sum by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": "38m",
                        "exp_samples": [
                            {"labels": f'{{alertname="{name}"}}', "value": 1}
                            for name in sorted(alerts)
                        ],
                    }
                ],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(json.dumps(expected))  # which is YAML as well

    promtool = require_program("promtool", install="apt-get install prometheus")
    done = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yml"],
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stdout + done.stderr
