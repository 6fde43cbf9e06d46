from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors import SERVING_ACTORS
from menu import DRINKS, Money


def test_money_is_shown_as_people_write_it() -> None:
    assert str(Money(450)) == "€4.50"
    assert str(Money(123_456_705)) == "€1,234,567.05"
    assert str(Money(5, "CHF")) == "CHF 0.05"


@given(minor=st.integers(min_value=0, max_value=10**15))
def test_no_cent_is_lost_on_the_way_to_a_spreadsheet(minor: int) -> None:
    assert Decimal(Money(minor).amount) * 100 == minor


def test_every_price_is_a_whole_number_of_cents() -> None:
    assert all(isinstance(price.minor, int) and price.minor > 0 for price in DRINKS.values())


def test_every_drink_of_the_menu_has_somebody_to_serve_it() -> None:
    assert SERVING_ACTORS.keys() == DRINKS.keys()
