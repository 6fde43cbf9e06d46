"""What the bar sells, and for how much."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    """An amount in the smallest unit of its currency: 450 EUR cents are ``€4.50``."""

    minor: int
    currency: str = "EUR"

    def __str__(self) -> str:
        sign = "-" if self.minor < 0 else ""
        major, minor = divmod(abs(self.minor), 100)
        return f"{sign}{_SYMBOLS.get(self.currency, self.currency + ' ')}{major:,}.{minor:02}"


_SYMBOLS = {"EUR": "€"}

MENU = {
    "beer": Money(450),
    "coffee": Money(250),
}
