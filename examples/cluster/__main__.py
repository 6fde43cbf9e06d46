"""Start a cluster, send orders, kill a server, and count: ``python -m examples.cluster``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from barback import RedisBroker
from barback.embedded.probe import wait_until
from barback.errors import EmbeddedServerError
from examples.cluster.cluster import NODE_TIMEOUT_MS, Cluster, running_cluster
from examples.cluster.sending import Sending

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUE = "orders"
ACTOR = "fulfil"

#: How long workers may take for what is left when nothing more is sent, in seconds.
PATIENCE_SECONDS = 60.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=5.0,
    show_default=True,
    help="How long to send before a server is killed, and again after its replica took over.",
)
def main(seconds: float) -> None:
    """Start three primaries, each with a replica, and two workers, all on this machine. Send
    orders, kill the primary that holds them, and count what was lost.

    Exit codes: 0 nothing was lost, 1 something was, 3 the cluster does not start.
    """
    with tempfile.TemporaryDirectory(prefix="barback-cluster-") as directory:
        try:
            lost = _show(Path(directory), seconds)
        except EmbeddedServerError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(3)
    sys.exit(1 if lost else 0)


def _show(directory: Path, seconds: float) -> int:
    click.echo("Starting three primaries, each with a replica …")
    ledger = directory / "ledger"
    ledger.touch()
    with running_cluster(directory / "servers") as cluster:
        click.echo(f"  {cluster.url}")
        with _workers(cluster.url, ledger), contextlib.closing(RedisBroker(url=cluster.url)) as bar:
            sending = _send_through_a_failover(cluster, bar, seconds)
            wait_until(lambda: set(sending.confirmed) <= _done(ledger).keys(), PATIENCE_SECONDS)
    return _report(sending, _done(ledger))


def _send_through_a_failover(cluster: Cluster, broker: RedisBroker, seconds: float) -> Sending:
    click.echo("Sending orders; each counts as confirmed when a replica has it, too …")
    with Sending(broker, QUEUE, ACTOR, confirm="replicas:1") as sending:
        time.sleep(seconds)
        primary = cluster.primary_of(broker.store.keys(QUEUE).queue)
        click.echo(f"  {len(sending.confirmed):,} so far")
        click.echo(
            f"Killing {primary.address}, which holds the queue. Its replica takes over when it has "
            f"been silent for {NODE_TIMEOUT_MS / 1000:.0f} s …"
        )
        primary.kill()
        # There is no second replica that could confirm from now on.
        sending.confirm = None
        before = len(sending.confirmed)
        if not wait_until(lambda: len(sending.confirmed) > before, PATIENCE_SECONDS):
            raise EmbeddedServerError("no server took over")
        time.sleep(seconds)
    return sending


@contextlib.contextmanager
def _workers(redis_url: str, ledger: Path) -> Iterator[None]:
    """Two workers, stopped in the end as any worker is."""
    environment = {**os.environ, "REDIS_URL": redis_url, "EXAMPLE_LEDGER": str(ledger)}
    command = ["dramatiq", "examples.cluster.actors", "--processes", "1", "--threads", "4"]
    with ledger.with_suffix(".workers").open("wb") as output:
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", *command], env=environment, stdout=output, stderr=output
            )
            for _ in range(2)
        ]
        try:
            yield
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            for worker in workers:
                worker.wait()


def _done(ledger: Path) -> Counter[int]:
    """How often each order was fulfilled."""
    return Counter(map(int, ledger.read_text().split()))


def _report(sending: Sending, done: Counter[int]) -> int:
    confirmed = set(sending.confirmed)
    lost = len(confirmed - done.keys())
    doubtful = sum(1 for number in sending.refused if number in done)
    click.echo(
        f"\nconfirmed      {len(confirmed):,}"
        f"\nlost           {lost:,}"
        f"\ndone twice     {sum(1 for number in confirmed if done[number] > 1):,}"
        f"\nnot confirmed  {len(sending.refused):,}, of which {doubtful:,} were done all the same"
        f"\nlongest pause between two confirmed orders: {sending.longest_gap_seconds:.1f} s"
    )
    return lost


if __name__ == "__main__":
    main(prog_name="python -m examples.cluster")
