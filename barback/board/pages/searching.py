"""What pages with a search share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from barback.board.endpoints import number_of
from barback.board.held import HELD_FIELDS, search_held
from barback.board.query import BadQuery, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from barback.board.context import Board


def parsed_query(text: str, exact: Mapping[str, Callable[[Any], str]]) -> Query:
    """A search that somebody has typed.

    Parameters:
      text: What they have typed.
      exact: What messages of this kind can be searched by, besides what all can.

    Raises:
      HTTPException: When it makes no sense.
    """
    try:
        return Query.parse(text, exact)
    except BadQuery as error:
        raise HTTPException(400, str(error)) from None


def text_of(request: Request) -> str:
    """What somebody searches; empty where they search nothing."""
    return request.query_params.get("q", "").strip()


def step_of_search(
    board: Board, request: Request, queue_name: str, *, is_delayed: bool
) -> dict[str, Any]:
    """What a page shows of the messages that wait in a queue, or are delayed, and match a search:
    those among the next 10,000 from a position on.
    """
    query = parsed_query(text_of(request), HELD_FIELDS)
    first = number_of(request, "from", least=0)
    step = search_held(
        board.broker.store, queue_name, query, board.redact, first=first, is_delayed=is_delayed
    )
    return {"messages": step.messages, "first": step.first, "end": step.end}
