"""deploy/kubernetes, built, cross-checked, and each command and probe run as a local process.

What a cluster itself does (scheduling, network policies, KEDA) is only read from the files.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import re
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

import actors
import lesson_rounds
from barback import RedisBroker
from barback.metrics.prometheus import exposition
from tests.conftest import PROJECT_DIR
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.programs import require_program

if TYPE_CHECKING:
    from tests.support.processes import ProcessStarter

DIRECTORY = PROJECT_DIR / "deploy/kubernetes"
OVERLAYS = ["small", "ha", "ha-by-age"]
#: The oldest and the newest Kubernetes that the files are held against.
VERSIONS = ["1.30", "1.37"]
QUEUES = {actor.queue_name for actor in vars(actors).values() if isinstance(actor, dramatiq.Actor)}
SECOND_MS = 1000


@functools.cache
def build(overlay: str) -> list[dict[str, Any]]:
    """What an overlay makes."""
    kubectl = require_program("kubectl", install="see kubernetes.io/docs/tasks/tools")
    command = [kubectl, "kustomize", str(DIRECTORY / "overlays" / overlay)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return list(yaml.safe_load_all(built.stdout))


def of_kind(overlay: str, *kinds: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in build(overlay) if each["kind"] in kinds}


def programs(overlay: str) -> dict[str, dict[str, Any]]:
    """What runs pods, by its name."""
    return of_kind(overlay, "Deployment", "StatefulSet", "Job")


def pod_of(program: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = program["spec"]["template"]["spec"]
    return pod


def container_of(program: dict[str, Any]) -> dict[str, Any]:
    [container] = pod_of(program)["containers"]
    return dict(container)


def command_of(program: dict[str, Any]) -> list[str]:
    container = container_of(program)
    return [*container["command"], *container.get("args", [])]


def matching(overlay: str, labels: dict[str, str]) -> set[str]:
    """The programs whose pods bear some labels."""
    return {
        name
        for name, program in programs(overlay).items()
        if labels.items() <= program["spec"]["template"]["metadata"]["labels"].items()
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_queue_has_a_worker_that_may_finish_its_work(overlay: str) -> None:
    workers = {name: p for name, p in programs(overlay).items() if name.startswith("worker-")}

    assert set(workers) == {f"worker-{queue}" for queue in QUEUES}
    for name, worker in workers.items():
        command = command_of(worker)
        assert command[command.index("-Q") + 1] == name.removeprefix("worker-")
        timeout_ms = int(command[command.index("--worker-shutdown-timeout") + 1])
        assert pod_of(worker)["terminationGracePeriodSeconds"] * SECOND_MS > timeout_ms
    for queue in lesson_rounds.QUEUES.values():
        command = command_of(workers[f"worker-{queue.name}"])
        assert command[command.index("--threads") + 1] == str(queue.threads)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_program_has_rights_or_takes_more_than_its_share(overlay: str) -> None:
    for program in programs(overlay).values():
        pod, container = pod_of(program), container_of(program)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert command_of(program)[0] not in {"sh", "bash"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_reference_holds(overlay: str) -> None:
    names = programs(overlay)
    secret_keys = set(
        re.findall(r"--from-literal=([A-Z_]+)=", (DIRECTORY / "README.md").read_text())
    )
    config_maps = of_kind(overlay, "ConfigMap")

    for program in names.values():
        container = container_of(program)
        volumes = {each["name"] for each in pod_of(program).get("volumes", [])}
        volumes |= {t["metadata"]["name"] for t in program["spec"].get("volumeClaimTemplates", [])}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        assert {e["configMapRef"]["name"] for e in container.get("envFrom", [])} <= set(config_maps)
        for variable in container["env"]:
            secret = variable["valueFrom"]["secretKeyRef"]
            assert secret["name"] == "bar"
            assert secret["key"] in secret_keys
    for each in [
        *of_kind(overlay, "PodDisruptionBudget").values(),
        *of_kind(overlay, "Deployment", "StatefulSet").values(),
    ]:
        assert matching(overlay, each["spec"]["selector"]["matchLabels"]) == {
            each["metadata"]["name"]
        }
    for service in of_kind(overlay, "Service").values():
        [name] = matching(overlay, service["spec"]["selector"])
        ports = {port["name"] for port in container_of(names[name])["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    assert set(of_kind(overlay, "PodDisruptionBudget")) >= set(of_kind(overlay, "Deployment"))


def test_whoever_sets_it_up_is_asked_how_visitors_come() -> None:
    assert {"WEB_URL", "TRUSTED_PROXIES"} <= of_kind("small", "ConfigMap")["bar"]["data"].keys()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_in_one_namespace_to_which_nobody_may_connect(overlay: str) -> None:
    assert set(of_kind(overlay, "Namespace")) == {"bar"}
    namespaced = [each for each in build(overlay) if each["kind"] != "Namespace"]
    assert {each["metadata"]["namespace"] for each in namespaced} == {"bar"}
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["nothing-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}


@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_as_kubernetes_and_keda_want_it(overlay: str) -> None:
    schema = (PROJECT_DIR / "tests/bar/e2e/custom-resources.schema.yaml").read_text()
    others = Draft202012Validator(yaml.safe_load(schema))
    for resource in build(overlay):
        if resource["kind"] in {"ScaledObject", "TriggerAuthentication", "ServiceMonitor"}:
            others.validate(resource)
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(resource, version, strict=True)


def test_a_field_that_nobody_knows_is_noticed() -> None:
    deployment = copy.deepcopy(of_kind("small", "Deployment")["web"])
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 30
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_worker_asks_for_what_its_probes_ask_about(overlay: str) -> None:
    for name, worker in programs(overlay).items():
        if name.startswith("worker-"):
            queue = name.removeprefix("worker-")
            for kind in ("startupProbe", "livenessProbe"):
                command = container_of(worker)[kind]["exec"]["command"]
                assert command == ["python", "-m", "barback", "health", "--queue", queue]


def test_a_queue_is_scaled_by_how_long_the_oldest_waits(broker_figures: str) -> None:
    scaled = of_kind("ha-by-age", "ScaledObject")
    assert set(scaled) == set(of_kind("ha", "ScaledObject"))
    for name, each in scaled.items():
        by_age, by_work = each["spec"]["triggers"]
        queue = name.removeprefix("worker-")
        for trigger, figure in ((by_age, "oldest_seconds"), (by_work, "running")):
            query = trigger["metadata"]["query"]
            assert query == f'max(barback_queue_{figure}{{queue="{queue}"}})'
            assert f'barback_queue_{figure}{{queue="{queue}"}}' in broker_figures
            # Otherwise the fallback does nothing, and a board that is away looks like no work.
            assert trigger["metricType"] == "AverageValue"
            assert trigger["metadata"]["ignoreNullValues"] == "false"
    # Expect the board to be asked for them, with its token
    monitor = of_kind("ha-by-age", "ServiceMonitor")["board"]["spec"]
    service = of_kind("ha-by-age", "Service")["board"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    [endpoint] = monitor["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["authorization"]["credentials"]["key"] == "BARBACK_BOARD_TOKEN"


@pytest.fixture
def broker_figures(redis_url: str) -> str:
    """What the board tells Prometheus of queues in which something waits."""
    with contextlib.closing(RedisBroker(url=redis_url)) as broker:
        for queue in QUEUES:
            broker.enqueue(dramatiq.Message(queue, "pour", (), {}, {}))
        return exposition(broker).decode()


def test_a_server_tells_senders_that_it_is_full_before_its_pod_is_killed() -> None:
    arguments = container_of(of_kind("small", "StatefulSet")["valkey"])["args"]
    assert arguments[arguments.index("--maxmemory") + 1] == "700mb"
    values = yaml.safe_load((DIRECTORY / "overlays/ha/valkey-values.yaml").read_text())
    assert "maxmemory 700mb\n" in values["valkeyConfig"]
    assert values["resources"]["limits"] == {"memory": "1Gi"}


def test_a_queue_is_scaled_by_what_waits_and_runs() -> None:
    scaled = of_kind("ha", "ScaledObject")
    assert set(scaled) <= set(of_kind("ha", "Deployment"))
    authentications = of_kind("ha", "TriggerAuthentication")
    for name, each in scaled.items():
        assert each["spec"]["scaleTargetRef"] == {"name": name}
        [trigger] = each["spec"]["triggers"]
        queue = name.removeprefix("worker-")
        assert trigger["metadata"]["listName"] == f"dramatiq:{queue}.msgs"
        assert trigger["authenticationRef"]["name"] in authentications


@pytest.fixture
def web_port() -> int:
    return free_port()


@pytest.fixture
def ports(web_port: int) -> dict[str, int]:
    """Where this machine's ports are that the files give a name."""
    return {"http": web_port, "board": free_port()}


@pytest.fixture
def variables(postgres_url: str, web_port: int) -> dict[str, str]:
    """The environment of the files, with this machine's servers."""
    config = of_kind("small", "ConfigMap")["bar"]["data"]
    here = {
        "WEB_URL": f"http://127.0.0.1:{web_port}",
        "WEB_PORT": str(web_port),
        "WEB_SECRET": "0123456789abcdef",
        "BARBACK_BOARD_TOKEN": "0123456789abcdef",
        "DATABASE_URL": postgres_url,
    }
    return {name: value for name, value in {**config, **here}.items() if name != "BARBACK_DATA_DIR"}


@pytest.mark.slow
def test_every_command_and_probe_works(
    start: ProcessStarter, variables: dict[str, str], ports: dict[str, int]
) -> None:
    # Given what the files run, each as a process
    deployments = of_kind("small", "Deployment")
    migration = command_of(of_kind("small", "Job")["migration"])
    assert start.run(migration, **variables).exit_code == 0
    here = {"9191": str(ports["board"])}
    running = [
        start([here.get(word, word) for word in command_of(each)], **variables)
        for each in deployments.values()
    ]

    # Expect each probe to succeed
    for name, deployment in deployments.items():
        container = container_of(deployment)
        probes = [container[kind] for kind in container if kind.endswith("Probe")]
        assert probes, name
        commands = {tuple(probe["exec"]["command"]) for probe in probes if "exec" in probe}
        for command in commands:
            eventually(
                functools.partial(_succeeds, start, command, variables),
                timeout_seconds=30,
                complaint=f"{name}: {command} fails",
            )
        for path in (probe["httpGet"]["path"] for probe in probes if "httpGet" in probe):
            url = f"http://127.0.0.1:{ports['http']}{path}"
            eventually(functools.partial(_answers, url), complaint=f"{name}: {path} fails")
        for port in (probe["tcpSocket"]["port"] for probe in probes if "tcpSocket" in probe):
            eventually(functools.partial(_takes_connections, ports[port]), timeout_seconds=30)

    # And each program to end when it is told to
    for process in running:
        process.send_signal(signal.SIGTERM)
    assert [process.wait() for process in running] == [0] * len(running)


def _succeeds(start: ProcessStarter, command: tuple[str, ...], variables: dict[str, str]) -> bool:
    return start.run(command, **variables).exit_code == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def _takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
