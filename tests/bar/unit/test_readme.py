"""The README's Python, and its tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker

import actors
import producer
from barback.cli import main as barback_command
from tests.conftest import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (PROJECT_DIR / "README.md").read_text()
DOCS = "\n".join(path.read_text() for path in sorted((PROJECT_DIR / "docs").glob("**/*.md")))
PYTHON = "\n".join(re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))


@pytest.fixture
def readme_broker() -> Iterator[StubBroker]:
    """A broker for the README's own actors, beside that of the bar's."""
    bar_broker = dramatiq.get_broker()
    broker = StubBroker()
    dramatiq.set_broker(broker)
    yield broker
    dramatiq.set_broker(bar_broker)


def test_the_first_actor_can_be_ordered_as_the_readme_says(readme_broker: StubBroker) -> None:
    # Given all Python of the README
    names: dict[str, object] = {}
    exec(PYTHON, names)  # noqa: S102

    # When its producer function is called
    start_serving_a_beer = names["start_serving_a_beer"]
    assert callable(start_serving_a_beer)
    start_serving_a_beer()

    # Expect an order on the queue beer
    assert readme_broker.queues["beer"].qsize() == 1


def test_every_queue_and_actor_stands_in_the_readme_or_the_docs() -> None:
    found = [actor for actor in vars(actors).values() if isinstance(actor, dramatiq.Actor)]
    assert found
    for actor in found:
        assert f"| `{actor.queue_name}` | `{actor.actor_name}(" in README + DOCS


def test_every_command_and_option_stands_in_the_readme() -> None:
    options = [param.opts[0] for param in producer.main.params]
    for name in [*options, *barback_command.commands]:
        assert f"`{name}`" in README


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bmake ([a-z]+)`", README))))
def test_every_make_target_of_the_readme_exists(name: str) -> None:
    assert re.search(rf"^{name}:", (PROJECT_DIR / "Makefile").read_text(), re.MULTILINE)
