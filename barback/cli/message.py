"""``show`` and ``cancel``: single messages."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import click

from barback.cli.control import ask, warn_of_unknown
from barback.cli.name_type import NAME, each_once
from barback.cli.output import json_option, print_json, progress_in_words
from barback.control import cancel as cancel_message
from barback.control import cancel_all, find
from barback.control.beginnings import ids_beginning_with
from barback.control.locating import SEARCH_AT_MOST
from barback.durations import duration_in_words, moment_of
from barback.messages.ids import ID_LENGTH
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
    type=click.IntRange(0, 1_000_000_000),
    default=SEARCH_AT_MOST,
    show_default=True,
    metavar="N",
    help="Look through so many messages for an id that another program has given.",
)


@click.command
@click.argument("message_id", metavar="ID", type=NAME)
@_search_option
@json_option
@click.pass_context
def show(context: click.Context, *, message_id: str, search_at_most: int, as_json: bool) -> None:
    """Show what has become of a message.

    ID is that of its entry (`redis_message_id`) or Dramatiq's `message_id`, or the first characters
    of one of them, four at the least, as long as they name one message.

    Exit codes: 0 found, 1 not found, 3 the broker cannot be reached.
    """
    target: Target = context.obj
    with target.broker() as broker:
        status = find(broker, _whole_id(broker, message_id), search_at_most=search_at_most)
        result = result_of(broker.client, status)
    if as_json:
        print_json({**vars(status), "result": result})
    else:
        click.echo("\n".join(_lines(status, result)))
    if status.state == "unknown":
        context.exit(NOT_FOUND)


@click.command
@click.argument("message_ids", metavar="[ID]...", type=NAME, nargs=-1, callback=each_once)
@click.option("--queue", type=NAME, help="All messages of this queue.")
@click.option("--actor", type=NAME, help="All messages of this actor.")
@click.option("--reason", help="Why, for those who look.")
@click.option("--yes", is_flag=True, help="Do not ask before more than one is cancelled.")
@_search_option
@json_option
@click.pass_context
def cancel(
    context: click.Context,
    *,
    message_ids: tuple[str, ...],
    queue: str | None,
    actor: str | None,
    reason: str | None,
    yes: bool,
    search_at_most: int,
    as_json: bool,
) -> None:
    """Cancel messages: some, or all of a queue, of an actor, or of an actor on one queue.

    An ID may be shortened as for `show`. One that waits, is delayed or is to be retried is gone at
    once. The worker of one that runs is asked to stop it; `show` tells whether it does.

    Exit codes: 0 done, 1 one does not exist or has ended, 3 the broker cannot be reached.
    """
    if bool(message_ids) == (queue is not None or actor is not None):
        raise click.UsageError("Say which: IDs, or --queue NAME, --actor NAME, or both.")
    target: Target = context.obj
    with target.broker() as broker:
        if not message_ids:
            _cancel_all(broker, queue, actor, reason, yes=yes, as_json=as_json)
            return
        whole_ids = [_whole_id(broker, message_id) for message_id in message_ids]
        answers = [
            cancel_message(broker, whole_id, reason=reason, search_at_most=search_at_most)
            for whole_id in whole_ids
        ]
    if as_json:
        shown = [{"cancelled": it == "cancelled", "asked": it == "asked"} for it in answers]
        print_json(shown if len(shown) > 1 else shown[0])
    else:
        for message_id, answer in zip(message_ids, answers, strict=True):
            _print_answer(message_id, answer, is_one_of_several=len(message_ids) > 1)
    context.exit(0 if all(answers) else NOT_FOUND)


def _print_answer(
    message_id: str, answer: Literal["cancelled", "asked"] | None, *, is_one_of_several: bool
) -> None:
    if answer is None:
        click.echo(f"No message {printable(message_id)} is left to cancel.", err=True)
        return
    text = {
        "cancelled": "Cancelled.",
        "asked": "It runs, or is about to; its worker is asked to stop it.",
    }[answer]
    click.echo(f"{printable(message_id)}: {text}" if is_one_of_several else text)


def _cancel_all(
    broker: RedisBroker,
    queue: str | None,
    actor: str | None,
    reason: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    if queue is not None:
        warn_of_unknown(broker, queue)
    if not yes:
        whose = [f"of actor {actor}"] if actor else []
        whose += [f"on queue {queue}"] if queue else []
        ask(f"Cancel all messages {' '.join(whose)}?")
    queue_names = sorted(broker.store.queue_names()) if queue is None else [queue]
    done = [cancel_all(broker, name, actor_name=actor, reason=reason) for name in queue_names]
    cancelled, asked = (sum(it.cancelled for it in done), sum(it.asked for it in done))
    if as_json:
        print_json({"cancelled": cancelled, "asked": asked})
        return
    click.echo(f"{cancelled:,} cancelled.")
    if asked:
        click.echo(f"{asked:,} run, or are about to; their workers are asked to stop them.")


def _whole_id(broker: RedisBroker, text: str) -> str:
    """An id, from its beginning where that is what somebody has copied."""
    shortened = text.rstrip("….")
    if len(shortened) >= ID_LENGTH:
        return shortened
    found = list(islice(ids_beginning_with(broker, shortened), 2))
    if len(found) > 1:
        raise click.UsageError(
            f"Several messages begin with {shortened!r}, such as {found[0]!r} and {found[1]!r}. "
            "Give more of the id."
        )
    return found[0] if found else shortened


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
        ("Last error" if status.state == "retrying" else "Error", status.error),
        ("Crashes", f"workers that died over it: {status.crashes}" if status.crashes else None),
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
        were = "message was" if status.searched == 1 else "messages were"
        text += f"; {status.searched:,} {were} looked through"
        text += "" if status.is_search_complete else ", not all: see --search"
    return text


_STILL_TO_DO = {"waiting", "limited", "taken", "delayed", "retrying"}


def _time_in_words(unix_seconds: float) -> str:
    moment = moment_of(unix_seconds)
    if moment is None:
        return "at no time that there is"
    local = moment.astimezone()
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
