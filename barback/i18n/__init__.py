"""Pages in the language of whoever reads them: the board's, and those of the bar's website.

Needs Babel, which the extra ``board`` brings. ``middleware``, which finds out who reads which
language, is imported by its own name: it needs Starlette, and command lines do not.
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
