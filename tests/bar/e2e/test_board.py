"""The board that `make up` starts knows the bar's standing orders."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import pytest

from tests.bar.e2e.test_compose import SERVICES
from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.processes import DEADLINE_SECONDS

if TYPE_CHECKING:
    import redis

    from tests.support.processes import ProcessStarter


def board_command() -> list[str]:
    lines = (PROJECT_DIR / "Procfile").read_text().splitlines()
    [line] = (each for each in lines if each.startswith("board: "))
    return shlex.split(line.removeprefix("board: "))


@pytest.fixture
def url(start: ProcessStarter, free_port: int) -> str:
    process = start([*board_command(), "--port", str(free_port)])
    url = f"http://127.0.0.1:{free_port}"

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz", timeout=10).status_code == 200
        return False

    eventually(answers, timeout_seconds=DEADLINE_SECONDS, complaint=lambda: process.output)
    return url


def shown(url: str) -> dict[str, dict[str, Any]]:
    data = httpx.get(f"{url}/schedules?format=json", timeout=20).json()
    assert data["others_error"] is None
    return {each["id"]: each for each in data["others"]}


@pytest.mark.slow
def test_an_operator_sees_a_standing_order_and_has_it_placed_now(
    start: ProcessStarter, url: str, redis_client: redis.Redis
) -> None:
    # Given a standing order
    add = ["python", "scheduler.py", "add", "coffee", "0 8 * * mon-fri", "--json"]
    process = start.run(add)
    assert process.exit_code == 0, process.output
    coffee = json.loads(process.stdout)["id"]

    # Expect it on the board, in words of the reader's language
    row = shown(url)[coffee]
    assert (row["note"], row["is_late"], row["last"]) == ("", False, None)
    assert row["next"] is not None
    chinese = httpx.get(f"{url}/schedules", headers={"Accept-Language": "zh-CN"}, timeout=20)
    assert "周一" in chinese.text

    # When it is run now
    answer = httpx.post(f"{url}/schedules/run", data={"schedule": coffee}, timeout=20)

    # Expect it to wait for a worker, beside its schedule, which is as it was
    assert answer.headers["location"] == "/schedules?did=run&count=1"
    [body] = redis_client.hvals("dramatiq:coffee.msgs")
    assert dramatiq.Message.decode(str(body).encode()).args[0].startswith(f"{coffee}-")
    after = shown(url)[coffee]
    assert after["last"] is not None
    assert after["next"] == row["next"]


def test_all_deployments_have_the_same_board() -> None:
    option = "--schedules=standing_orders.board:schedules"
    assert " ".join(board_command()).replace(" standing", "=standing").endswith(option)
    assert option in SERVICES["board"]["command"]
    assert option in (PROJECT_DIR / "deploy/kubernetes/base/board.yaml").read_text()
