"""The work of the bar, one module per queue. ``dramatiq actors`` runs it.

The broker is set before any actor is declared, because an actor belongs to the broker that
was the global one at that moment.
"""

from actors.broker import use_broker

use_broker()

from actors.beer import serve_a_beer  # noqa: E402
from actors.coffee import serve_a_coffee  # noqa: E402
from actors.email import send_confirmation_email, send_password_reset_email  # noqa: E402
from actors.housekeeping import (  # noqa: E402
    clean_the_beer_lines,
    close_the_till,
    give_up_lost_work,
    record_failure,
    report_last_month,
    sweep_the_outbox,
)
from actors.lesson import (  # noqa: E402
    serve_from_one_queue,
    serve_from_the_beer_queue,
    serve_from_the_coffee_queue,
)
from actors.reports import make_report  # noqa: E402

#: Who serves each drink of the menu. A drink has the name of its queue.
SERVING_ACTORS = {actor.queue_name: actor for actor in (serve_a_beer, serve_a_coffee)}

__all__ = [
    "SERVING_ACTORS",
    "clean_the_beer_lines",
    "close_the_till",
    "give_up_lost_work",
    "make_report",
    "record_failure",
    "report_last_month",
    "send_confirmation_email",
    "send_password_reset_email",
    "serve_a_beer",
    "serve_a_coffee",
    "serve_from_one_queue",
    "serve_from_the_beer_queue",
    "serve_from_the_coffee_queue",
    "sweep_the_outbox",
]
