"""What the bar sells, and for how much."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    """An amount in the smallest unit of its currency: 450 EUR cents are ``€4.50``."""

    minor: int
    currency: str = "EUR"

    @property
    def amount(self) -> str:
        """The figure alone, as spreadsheets read it."""
        return f"{self.minor // 100}.{self.minor % 100:02}"

    def __str__(self) -> str:
        symbol = _SYMBOLS.get(self.currency, f"{self.currency} ")
        return f"{symbol}{self.minor // 100:,}.{self.minor % 100:02}"


_SYMBOLS = {"EUR": "€"}

#: The price of each drink. ``actors.SERVING_ACTORS`` says who serves it.
DRINKS = {
    "beer": Money(450),
    "coffee": Money(250),
}
