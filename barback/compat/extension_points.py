"""What a subclass of stock Dramatiq's broker may override, and one of ours may not."""

from __future__ import annotations

#: Where each of them leads with ours.
_INSTEAD = {
    "consumer_class": "override `consume`, or use middleware",
    "scripts": "it has scripts of its own, in barback/store/scripts",
    "_dispatch": "it has scripts of its own, in barback/store/scripts",
    "_max_unpack_size": "its scripts know how much they may unpack",
    "_should_do_maintenance": "its workers do maintenance once a minute",
}
_INSTEAD_OF_COMMANDS = "override `enqueue` or `consume`, or use middleware"


def refuse_dead_overrides(broker_class: type, base: type) -> None:
    """Refuse a subclass whose overrides would never be called.

    Parameters:
      broker_class: The class of a broker.
      base: The class of ours that it is derived from.

    Raises:
      TypeError: When it overrides something that the base does not call.
    """
    derived = broker_class.__mro__[: broker_class.__mro__.index(base)]
    for each in derived:
        for name in vars(each):
            instead = _INSTEAD_OF_COMMANDS if name.startswith("do_") else _INSTEAD.get(name)
            if instead is not None:
                raise TypeError(
                    f"{each.__qualname__} overrides `{name}`, which stock Dramatiq's Redis broker "
                    f"calls and barback's never does. To change what it does: {instead}."
                )
