"""``show`` and ``cancel``: single messages."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

import click

from barback.cli.output import json_option, print_json, progress_in_words
from barback.control import cancel as cancel_message
from barback.control import cancel_all, find
from barback.control.locating import SEARCH_AT_MOST
from barback.durations import duration_in_words
from barback.printable import printable, printable_lines
from barback.results import result_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barback.broker import RedisBroker
    from barback.cli.target import Target
    from barback.control import MessageStatus

#: The exit code where there is no such message.
NOT_FOUND = 1

_search_option = click.option(
    "--search",
    "search_at_most",
    type=click.IntRange(0),
    default=SEARCH_AT_MOST,
    show_default=True,
    metavar="N",
    help="Look through so many messages for an id of Dramatiq's.",
)


@click.command
@click.argument("message_id", metavar="ID")
@_search_option
@json_option
@click.pass_context
def show(context: click.Context, *, message_id: str, search_at_most: int, as_json: bool) -> None:
    """Show what has become of a message.

    ID is the one that `producer.py`, logs and `dead list` show (`redis_message_id`), or Dramatiq's
    `message_id`. The first is found at once; for the second, messages are looked through.

    Exit codes: 0 found, 1 not found, 3 the broker cannot be reached.
    """
    target: Target = context.obj
    with target.broker() as broker:
        status = find(broker, message_id, search_at_most=search_at_most)
        result = result_of(broker.client, status)
    if as_json:
        print_json({**vars(status), "result": result})
    else:
        click.echo("\n".join(_lines(status, result)))
    if status.state == "unknown":
        context.exit(NOT_FOUND)


@click.command
@click.argument("message_id", metavar="[ID]", required=False)
@click.option("--queue", help="All messages of this queue …")
@click.option("--actor", help="… or those of one of its actors.")
@click.option("--reason", help="Why, for those who look.")
@click.option("--yes", is_flag=True, help="Do not ask before more than one is cancelled.")
@_search_option
@json_option
@click.pass_context
def cancel(
    context: click.Context,
    *,
    message_id: str | None,
    queue: str | None,
    actor: str | None,
    reason: str | None,
    yes: bool,
    search_at_most: int,
    as_json: bool,
) -> None:
    """Cancel a message, or all of a queue or of an actor.

    One that waits, is delayed or is to be retried is gone at once. The worker of one that runs is
    asked to stop it; `show` tells whether it does.

    Exit codes: 0 done, 1 there is no such message or it has ended, 3 the broker cannot be reached.
    """
    if (message_id is None) == (queue is None) or (actor and not queue):
        raise click.UsageError("Say which: an ID, or --queue NAME, or --queue NAME --actor NAME.")
    target: Target = context.obj
    with target.broker() as broker:
        if queue is not None:
            _cancel_all(broker, queue, actor, reason, yes=yes, as_json=as_json)
            return
        answer = cancel_message(
            broker, message_id or "", reason=reason, search_at_most=search_at_most
        )
    if as_json:
        print_json({"cancelled": answer == "cancelled", "asked": answer == "asked"})
    elif answer == "cancelled":
        click.echo("Cancelled.")
    elif answer == "asked":
        click.echo("It runs, or is about to; its worker is asked to stop it.")
    else:
        click.echo(f"No message {printable(message_id or '')} is left to cancel.", err=True)
    context.exit(0 if answer else NOT_FOUND)


def _cancel_all(
    broker: RedisBroker,
    queue: str,
    actor: str | None,
    reason: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    whose = printable(f"of actor {actor} on queue {queue}" if actor else f"of queue {queue}")
    if not yes:
        click.confirm(f"Cancel all messages {whose}?", abort=True, err=True)
    done = cancel_all(broker, queue, actor_name=actor, reason=reason)
    if as_json:
        print_json(vars(done))
        return
    click.echo(f"{done.cancelled:,} cancelled.")
    if done.asked:
        click.echo(f"{done.asked:,} run, or are about to; their workers are asked to stop them.")


def _lines(status: MessageStatus, result: Any) -> Iterator[str]:
    """Everything that is known, a line for each."""
    for label, value in (
        ("Id", status.id),
        ("State", _state_in_words(status)),
        ("Queue", status.queue_name),
        ("Actor", status.actor_name),
        ("Message id", status.message_id),
        ("Worker", status.worker),
        ("Thread", status.thread),
        ("Attempt", _attempt_in_words(status)),
        ("Progress", progress_in_words(status.progress)),
        ("Reason", status.reason),
        ("Error", status.error),
        ("Crashes", f"{status.crashes} workers died over it" if status.crashes else None),
        ("Result", None if result is None else repr(result)),
    ):
        if value is not None:
            yield f"{label + ':':<12}{printable(value)}"
    if status.traceback:
        yield f"\n{printable_lines(status.traceback).rstrip()}"


def _state_in_words(status: MessageStatus) -> str:
    text = {
        "waiting": f"waiting, {status.position} before it",
        "limited": f"waiting for room under the limit {status.limit}",
        "taken": "taken ahead by a worker, which starts it soon",
        "unknown": "unknown: it has ended and is not remembered, or never was",
    }.get(status.state, status.state)
    if status.was_ignored:
        text += ", but it ran to its end all the same"
    if status.since is not None:
        word = "sent" if status.until or status.state in _STILL_TO_DO else "since"
        text += f", {word} {_time_in_words(status.since)}"
    if status.until is not None:
        text += f", due {_time_in_words(status.until)}"
    if status.cancelled_at is not None:
        text += f", asked to stop {_time_in_words(status.cancelled_at)}"
    if status.state == "unknown" and status.searched:
        text += f"; {status.searched:,} messages were looked through"
        text += "" if status.is_search_complete else ", not all: see --search"
    return text


_STILL_TO_DO = {"waiting", "limited", "taken", "delayed", "retrying"}


def _time_in_words(unix_seconds: float) -> str:
    local = dt.datetime.fromtimestamp(unix_seconds).astimezone()
    seconds = unix_seconds - time.time()
    ago = (
        f"in {duration_in_words(seconds)}" if seconds > 0 else f"{duration_in_words(-seconds)} ago"
    )
    return f"{ago} ({local:%Y-%m-%d %H:%M:%S})"


def _attempt_in_words(status: MessageStatus) -> str | None:
    if status.attempt is None:
        return None
    most = None if status.max_retries is None else status.max_retries + 1
    return f"{status.attempt} of {most}" if most else str(status.attempt)
