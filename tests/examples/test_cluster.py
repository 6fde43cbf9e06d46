"""The example that a newcomer starts with `make cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter


@pytest.mark.slow
def test_a_cluster_loses_a_server_and_no_order(start: ProcessStarter) -> None:
    shown = start.run(["python", "-m", "examples.cluster", "--seconds", "1"])

    assert shown.exit_code == 0, shown.output
    ledger = dict(line.rsplit(maxsplit=1) for line in shown.stdout.splitlines() if "   " in line)
    assert int(ledger["confirmed"].replace(",", "")) > 0
    assert ledger["lost"] == "0"
    assert "Killing 127.0.0.1:" in shown.stdout
