"""Pages in the language of whoever reads them: the board's, and those of the bar's website.

Needs Babel, which the extra ``board`` brings. ``middleware`` finds out who reads which language, and
is imported by its own name: command lines say things, too, and have no use for Starlette.
"""

from barback.i18n.catalogue import Catalogue
from barback.i18n.language import ENGLISH, LANGUAGES, Language, language, negotiate, speaking

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Catalogue",
    "Language",
    "language",
    "negotiate",
    "speaking",
]
