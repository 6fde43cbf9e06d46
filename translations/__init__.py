"""What the bar says to people, in other languages than English: ``gettext("…")``.

The catalogues are this folder's ``.po`` files; ``python -m translations`` brings them up to date.
"""

from __future__ import annotations

from pathlib import Path

from barback.i18n import Catalogue
from barback.i18n.catalogue import gettext_noop

catalogue = Catalogue(Path(__file__).parent)
gettext = catalogue.gettext
ngettext = catalogue.ngettext
look_up = catalogue.look_up

__all__ = ["catalogue", "gettext", "gettext_noop", "look_up", "ngettext"]
