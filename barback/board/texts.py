"""What the board says, in the language of whoever looks: ``gettext("…")``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from barback.i18n import Catalogue, formats
from barback.i18n.catalogue import gettext_noop, ngettext_noop

if TYPE_CHECKING:
    from collections.abc import Callable

catalogue = Catalogue(Path(__file__).parent)
gettext = catalogue.gettext
ngettext = catalogue.ngettext

#: The states of messages and workers, as they are in the data.
_STATES = (
    gettext_noop("waiting"),
    gettext_noop("limited"),
    gettext_noop("delayed"),
    gettext_noop("retrying"),
    gettext_noop("taken"),
    gettext_noop("running"),
    gettext_noop("done"),
    gettext_noop("cancelled"),
    gettext_noop("dead"),
    gettext_noop("expired"),
    gettext_noop("live"),
    gettext_noop("stuck"),
    gettext_noop("silent"),
)

_ACTIONS = (
    gettext_noop("view"),
    gettext_noop("export"),
    gettext_noop("pause"),
    gettext_noop("resume"),
    gettext_noop("purge"),
    gettext_noop("requeue"),
    gettext_noop("delete"),
    gettext_noop("cancel"),
    gettext_noop("run"),
)


def in_words(name: str) -> str:
    """What stands in the data in English: a state, an action, an error of Starlette's."""
    return catalogue.look_up(name)


_DELETED = ngettext_noop("%(count)s message deleted.", "%(count)s messages deleted.")

#: What an action has done to how many messages.
_CHANGES = {
    "purge": _DELETED,
    "delete": _DELETED,
    "requeue": ngettext_noop("%(count)s message requeued.", "%(count)s messages requeued."),
    "cancel": ngettext_noop(
        "%(count)s message cancelled, or asked to stop.",
        "%(count)s messages cancelled, or asked to stop.",
    ),
    "run": ngettext_noop(
        "%(count)s message put into the queue.", "%(count)s messages put into the queue."
    ),
}

#: No action changes more messages than can be counted in so many digits.
_MAX_DIGITS = 15


class Later:
    """A sentence that is said when it is known who reads it.

    Parameters:
      say: Says it.
    """

    def __init__(self, say: Callable[[], str]) -> None:
        self._say = say

    def __str__(self) -> str:
        return self._say()


def done_in_words(action: str | None, count: str) -> str:
    """What an action has done, from the parameters of the page that it has led to."""
    if action == "pause":
        return gettext("The queue is paused.")
    if action == "resume":
        return gettext("The queue is resumed.")
    if action not in _CHANGES:
        return ""
    if not count.isdecimal() or len(count) > _MAX_DIGITS:
        return gettext("It has begun.")
    one, many = _CHANGES[action]
    return ngettext(one, many, int(count), count=formats.number(int(count)))
