"""Order the same on one queue and on two, and draw who waited: ``python -m examples.lesson``."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from barback.errors import EmbeddedServerError
from examples.lesson.drawing import draw
from examples.lesson.running import USUAL_SECONDS, LessonError, bar, drink_seconds, serve
from examples.lesson.words import average_in_words, bar_in_words, longest_in_words
from lesson_rounds import A_QUEUE_EACH, DRINKS, ONE_QUEUE, slips_of_drink
from translations import gettext_noop

if TYPE_CHECKING:
    from examples.lesson.drawing import Bar

PICTURES = Path(__file__).parents[2] / "docs/pictures"

#: How many lines of the workers' log are shown when they fail.
_LOG_LINES = 20


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--each",
    type=click.IntRange(1, 1000),
    default=40,
    show_default=True,
    help="How many beers and how many coffees to order.",
)
@click.option(
    "--scale",
    type=click.FloatRange(0.01, 10),
    default=0.25,
    show_default=True,
    help="How long drinks take, as a share of "
    + " and ".join(f"{seconds:g} s for a {drink}" for drink, seconds in USUAL_SECONDS.items())
    + ".",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    default=PICTURES,
    help="Where to draw lesson-light.svg, lesson-dark.svg and the Chinese ones.  "
    "[default: docs/pictures]",
)
def main(each: int, scale: float, into: Path) -> None:
    """Order beers and coffees twice, once on one queue and once on two, have them served by as many
    threads each time, and draw how long each order waited.

    Exit codes: 0 done, 1 not all was served, 2 wrong usage, 3 the server does not start.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)  # now, and not after a minute
    except OSError as error:
        raise click.BadParameter(f"{error.strerror}: {into}", param_hint="--into") from None
    for number in (signal.SIGTERM, signal.SIGHUP):  # leave no server and no worker behind
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="barback-lesson-") as directory:
        log = Path(directory) / "workers.log"
        try:
            bars = _run(Path(directory), each, scale, log)
        except EmbeddedServerError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(3)
        except LessonError as error:
            lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
            click.echo("\n".join([f"Error: {error} The workers say:", *lines]), err=True)
            sys.exit(1)
    for name, text in draw(bars, seconds=drink_seconds(scale)).items():
        try:
            (into / name).write_text(text)
        except OSError as error:
            message = f"{into / name} cannot be written: {error.strerror}."
            raise click.ClickException(message) from None
        click.echo(f"Drawn: {_shown(into / name)}")


def _run(directory: Path, each: int, scale: float, log: Path) -> list[Bar]:
    bars: list[Bar] = []
    rounds = (
        (gettext_noop("One queue for all"), ONE_QUEUE),
        (gettext_noop("A queue each"), A_QUEUE_EACH),
    )
    with bar(directory, scale=scale, log=log) as broker:
        for title, queues in rounds:
            click.echo(f"{title}: {bar_in_words(queues)} …")
            slips = serve(broker, queues, each=each, scale=scale)
            bars.append((title, queues, slips))
            for drink in reversed(DRINKS):
                its_slips = slips_of_drink(slips, drink)
                click.echo(f"  {average_in_words(its_slips)} {longest_in_words(its_slips)}")
    return bars


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    main(prog_name="python -m examples.lesson")
