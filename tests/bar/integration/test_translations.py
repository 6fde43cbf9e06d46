"""The catalogues are complete, and say what the sources say."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po

from barback.i18n import LANGUAGES, speaking
from email_addresses import InvalidAddress, parse_address
from menu import DRINKS
from tests.conftest import PROJECT_DIR
from timezones import timezone_names_by_region
from translations import look_up

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

CHINESE = LANGUAGES["zh"]
FOLDERS = ["translations", "barback/board"]
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
TAG = re.compile(r"<[^>]+>")


@pytest.fixture(params=FOLDERS)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with (PROJECT_DIR / request.param / "zh_CN.po").open("rb") as file:
        return read_po(file, locale="zh_Hans_CN")


def forms(text: str | list[str] | tuple[str, ...]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def entries(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def test_the_catalogues_have_the_texts_of_the_sources_and_no_others() -> None:
    check = subprocess.run(
        [PROJECT_DIR / "translations" / "update", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, f"Run: make messages\n{check.stdout}{check.stderr}"


def test_every_text_is_translated(catalogue: Catalog) -> None:
    lacking = [m.id for m in entries(catalogue) if m.fuzzy or not all(forms(m.string or ""))]
    assert lacking == []
    assert catalogue.num_plurals == 1


def test_translations_have_the_placeholders_and_tags_of_the_text(catalogue: Catalog) -> None:
    for message in entries(catalogue):
        original, [*translations] = forms(message.id)[-1], forms(message.string or "")
        # An English reason of a library may be left out.
        expected = set(PLACEHOLDER.findall(original)) - {"reason"}
        for text in translations:
            assert set(PLACEHOLDER.findall(text)) - {"reason"} == expected, message.id
            assert sorted(TAG.findall(text)) == sorted(TAG.findall(original)), message.id
        assert list(message.check(catalogue)) == []


def test_translations_are_punctuated_as_chinese_is(catalogue: Catalog) -> None:
    for message in entries(catalogue):
        for text in forms(message.string or ""):
            assert not re.search(r"[一-鿿][,:;?!]|[一-鿿]\.(?!\w)", text), text


def test_all_drinks_and_regions_have_a_name() -> None:
    with speaking(CHINESE):
        for name in [*DRINKS, *timezone_names_by_region()]:
            assert not look_up(name).isascii(), name


@pytest.mark.parametrize("address", ["ada", "@b.org", "ada@", "a@b", "a@b..org", "a b@c.org", "[]"])
def test_what_is_wrong_with_an_address_is_said_in_chinese(address: str) -> None:
    with speaking(CHINESE), pytest.raises(InvalidAddress) as error:
        parse_address(address)
    assert re.search(r"[一-鿿]", str(error.value))
    assert not re.search(r"[A-Za-z]{2}", str(error.value))
