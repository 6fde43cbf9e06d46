"""Which language somebody reads, and how it writes numbers and durations."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from jinja2 import DictLoader, Environment

from barback.i18n import LANGUAGES, Catalogue, formats, negotiate, speaking

if TYPE_CHECKING:
    from pathlib import Path

CHINESE = LANGUAGES["zh"]

CATALOGUE = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\n"
"Plural-Forms: nplurals=1; plural=0;\n"

#, python-format
msgid "Hello, %(name)s!"
msgstr "%(name)s，您好！"

#, python-format
msgid "%(count)s message"
msgid_plural "%(count)s messages"
msgstr[0] "%(count)s 条消息"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "zh_CN.po").write_text(CATALOGUE)
    return Catalogue(tmp_path)


@pytest.mark.parametrize(
    ("accept_language", "code"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("zh-Hans-CN", "zh"),
        ("zh-TW", "zh"),
        ("fr, de;q=0.9, zh;q=0.1", "zh"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("zh;q=0, en", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
        (";;,=,zh;q=much", "en"),
        ("x," * 5000 + "zh", "en"),
    ],
)
def test_the_browser_s_preference_is_followed_as_far_as_there_are_languages(
    accept_language: str, code: str
) -> None:
    assert negotiate(accept_language).code == code


def test_a_text_is_translated_with_its_values_and_plural_forms(catalogue: Catalogue) -> None:
    def texts() -> list[str]:
        hello = catalogue.gettext("Hello, %(name)s!", name="Ada")
        counts = [
            catalogue.ngettext("%(count)s message", "%(count)s messages", count, count=count)
            for count in (1, 2)
        ]
        return [hello, *counts]

    assert texts() == ["Hello, Ada!", "1 message", "2 messages"]
    with speaking(CHINESE):
        assert texts() == ["Ada，您好！", "1 条消息", "2 条消息"]


def test_a_text_without_a_translation_is_shown_in_english(catalogue: Catalogue) -> None:
    with speaking(CHINESE):
        assert catalogue.gettext("100%% sure") == "100% sure"


def test_templates_escape_what_is_put_into_a_translation(catalogue: Catalogue) -> None:
    template = (
        '{{ _("Hello, %(name)s!", name=name) }}{% trans name %}Hello, {{ name }}!{% endtrans %}'
    )
    environment = Environment(loader=DictLoader({"page": template}), autoescape=True)
    catalogue.install(environment)
    with speaking(CHINESE):
        page = environment.get_template("page").render(name="<b>")
    assert page == "&lt;b&gt;，您好！" * 2


def test_numbers_durations_and_dates_are_written_as_the_language_does() -> None:
    day = dt.date(2027, 3, 8)

    def shown() -> list[str]:
        return [
            formats.number(12345),
            formats.percent(0.45),
            formats.money("1234.50", "EUR"),
            formats.duration(2 * 86_400 + 3 * 3600),
            formats.duration(1.24),
            formats.date(day),
            formats.by_skeleton(day, "yMMMM"),
            formats.weekday(0),
            formats.timezone("America/Sao_Paulo"),
        ]

    assert shown() == [
        *("12,345", "45%", "€1,234.50", "2 d 3 h", "1.2 s"),
        *("8 March 2027", "March 2027", "Mon", "America/Sao Paulo"),
    ]
    with speaking(CHINESE):
        assert shown() == [
            *("12,345", "45%", "€1,234.50", "2天3小时", "1.2秒"),
            *("2027年3月8日", "2027年3月", "周一", "America/Sao Paulo 圣保罗"),
        ]
