"""Dead letters: what died of what, and what becomes of it."""

from __future__ import annotations

import functools
import time
from itertools import groupby
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from barback.board.access import note_change
from barback.board.endpoints import Outcome, offset_of
from barback.board.jobs import TooManyJobs
from barback.board.pages.chosen import chosen_messages, noted
from barback.board.pages.searching import parsed_query, text_of
from barback.board.search import DEAD_FIELDS, MAX_SEARCHED, search
from barback.board.shown import LIST_CHARACTERS, arguments_of
from barback.board.texts import gettext as _
from barback.dead_letters import DeadLetters

if TYPE_CHECKING:
    from starlette.requests import Request

    from barback.board.access import Action
    from barback.board.context import Board
    from barback.board.endpoints import Form
    from barback.board.jobs import Job
    from barback.dead_letters import DeadLetter

#: How many dead letters are on a page.
PAGE_SIZE = 50

#: How many dead letters are grouped at first, the latest. All are when somebody asks for it.
FIRST_LOOK = 1_000

_CHANGES = {"requeue": DeadLetters.requeue, "delete": DeadLetters.delete}


def dead(board: Board, request: Request) -> dict[str, Any]:
    """Dead letters by fault and one by one, all or those that a search finds."""
    text = text_of(request)
    queue_name = request.query_params.get("queue", "")
    looks_at_all = bool(text) or "all" in request.query_params
    started_at = time.monotonic()
    names = searched_queues(board, queue_name)
    offset = offset_of(request, PAGE_SIZE)
    found = search(
        board.broker,
        names,
        parsed_query(text, DEAD_FIELDS),
        board.redact,
        functools.partial(_listed, board),
        at_most=MAX_SEARCHED if looks_at_all else FIRST_LOOK,
        offset=offset,
        page_size=PAGE_SIZE,
    )
    return {
        "query": text,
        "queue_name": queue_name,
        "queue_names": searched_queues(board, ""),
        "groups": found.groups[:PAGE_SIZE],
        "group_count": len(found.groups),
        "letters": found.letters,
        "matched": found.matched,
        "searched": found.searched,
        "total": found.total,
        "took_seconds": time.monotonic() - started_at,
        "page": offset // PAGE_SIZE + 1,
        "pages": max(1, -(-found.matched // PAGE_SIZE)),
    }


def change_chosen(name: str, board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Requeue or delete the dead letters that were ticked."""
    chosen = chosen_messages(form, "letter")
    count = 0
    for queue_name, pairs in groupby(chosen, lambda pair: pair[0]):
        letters = DeadLetters(board.broker, queue_name)
        found = (letters.get(raw_id.decode(errors="surrogateescape")) for _, raw_id in pairs)
        there = [letter for letter in found if letter is not None]
        count += sum(_CHANGES[name](letters, there))
    query = {key: form[key][0] for key in ("q", "queue") if form.get(key)}
    return Outcome(f"dead letters={noted(chosen)}", count, "/dead", query)


def change_all(name: Action, board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    """Begin to requeue or delete all dead letters that a search matches."""
    text = form.get("q", [""])[0].strip()
    queue_name = form.get("queue", [""])[0]
    query = parsed_query(text, DEAD_FIELDS)
    what = f"dead letters queue={queue_name or '*'} query={text or '*'}"

    def note_end(job: Job) -> None:
        state = f" ended early: {job.error}" if job.error else ""
        note_change(who, name, f"job={job.id} {what}{state}", job.changed)

    try:
        job = board.jobs.start(
            [DeadLetters(board.broker, each) for each in searched_queues(board, queue_name)],
            lambda letter: query.matches(letter, board.redact),
            _CHANGES[name],
            action=name,
            who=who,
            query=text,
            when_done=note_end,
        )
    except TooManyJobs as error:
        raise HTTPException(409, str(error)) from None
    return Outcome(f"job={job.id} {what} begins", None, f"/jobs/{job.id}")


def job(board: Board, request: Request) -> dict[str, Any]:
    """How far a change of many dead letters has come."""
    found = board.jobs.get(request.path_params["job"])
    if found is None:
        raise HTTPException(404, _("There is no such job. Jobs end with the board's process."))
    return {"job": found}


def action_of_job(board: Board, request: Request) -> Action:
    """Who may begin a job may stop it, and nobody else."""
    found = board.jobs.get(request.path_params["job"])
    return "requeue" if found is None else found.action


def stop_job(board: Board, request: Request, form: Form, who: str) -> Outcome:  # noqa: ARG001
    found = job(board, request)["job"]
    found.stop.set()
    return Outcome(f"job={found.id} stop", None, f"/jobs/{found.id}", {"did": "stop"})


def searched_queues(board: Board, queue_name: str) -> list[str]:
    known = [row.name for row in board.reader.snapshot().queues if row.status.dead]
    return [name for name in known if queue_name in ("", name)]


def _listed(board: Board, letter: DeadLetter) -> dict[str, Any]:
    arguments = ""
    if letter.fields is not None:
        arguments = arguments_of(letter.fields, board.redact, LIST_CHARACTERS)
    return {
        "id": letter.id,
        "queue_name": letter.queue_name,
        "actor_name": letter.actor_name,
        "arguments": arguments,
        "died_at": letter.died_at,
        "reason": letter.reason,
        "error": letter.error,
        "deliveries": letter.deliveries,
    }
