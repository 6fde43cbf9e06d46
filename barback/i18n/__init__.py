"""Pages in the language of whoever reads them: the board's, and those of the bar's website.

Needs Babel and Starlette: ``pip install 'barback[board]'``. Programs get English.
"""

from barback.i18n.catalogue import Catalogue
from barback.i18n.language import ENGLISH, LANGUAGES, Language, language, negotiate, speaking
from barback.i18n.middleware import LanguageChoice

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Catalogue",
    "Language",
    "LanguageChoice",
    "language",
    "negotiate",
    "speaking",
]
