"""Texts and their translations, read from the files that translators edit."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any

from babel.support import NullTranslations, Translations

from barback.i18n.language import LANGUAGES, language

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment

    from barback.i18n.language import Language


class Catalogue:
    """The texts of one application, translated into the language that is spoken now.

    Texts have named placeholders, ``%(name)s``, and so write a percent sign as ``%%``.

    Parameters:
      folder: Has a file ``zh_CN.po`` for Chinese, and so on. English needs none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def look_up(self, text: str) -> str:
        """The translation of a text as it is; the text itself when there is none."""
        return self._spoken().gettext(text)

    def gettext(self, text: str, /, **values: Any) -> str:
        """The translation of a text, with these values in it."""
        return self.look_up(text) % values

    def ngettext(self, one: str, many: str, number: int, /, **values: Any) -> str:
        """As ``gettext``, in the plural form that a number asks for."""
        return self._spoken().ngettext(one, many, number) % values

    def install(self, environment: Environment) -> None:
        """Give templates ``_("…")`` and ``{% trans %}``, which escape the values."""
        environment.add_extension("jinja2.ext.i18n")
        environment.policies["ext.i18n.trimmed"] = True
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            self.look_up,
            lambda one, many, number: self._spoken().ngettext(one, many, number),
            newstyle=True,
        )
        environment.globals["language"] = language
        environment.globals["languages"] = list(LANGUAGES.values())

    def _spoken(self) -> NullTranslations:
        return _read(self._folder, language())


def gettext_noop(text: str) -> str:
    """Mark a text that is translated later, when it is known who reads it."""
    return text


def ngettext_noop(one: str, many: str) -> tuple[str, str]:
    """Mark a text with plural forms, likewise."""
    return one, many


@functools.cache
def _read(folder: Path, of: Language) -> NullTranslations:
    path = folder / f"{of.locale.language}_{of.locale.territory}.po"
    if not path.exists():
        return NullTranslations()
    # Imported here: programs that speak English alone have no use for it.
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with path.open("rb") as po_file:
        catalogue = read_po(po_file, locale=of.locale)
    # Compiled in memory: there is no file that could be older than the one people edit.
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
