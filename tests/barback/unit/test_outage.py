"""An outage is said once, and waited for with patience."""

from __future__ import annotations

import logging

import pytest
import redis

from barback.connection.incidents import incidents
from barback.connection.outage import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Outage, Silence
from barback.errors import BrokerUnavailable, WrongKeyType

ERROR = ConnectionError("refused.\nand more")


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def outage(pauses: list[float]) -> Outage:
    return Outage(logging.getLogger("test"), "the outbox", wait=pauses.append)


def test_its_beginning_and_its_end_are_said_once(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    # Given an outage of many attempts
    for _ in range(100):
        outage.report(ERROR)
    assert outage.is_on

    # When it is over, and all goes well for a while
    for _ in range(100):
        outage.end()

    # Expect two lines
    assert not outage.is_on
    began, ended = caplog.messages
    assert began == "Interrupted: the outbox. Reason: refused. Trying again until it works."
    assert ended.startswith("Resumed: the outbox, after ")


def test_threads_that_meet_the_same_outage_at_once_say_it_once(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a thread that fails while another one says that it has failed
    def fail_meanwhile(_: logging.LogRecord) -> bool:
        logger.removeFilter(fail_meanwhile)
        outage.report(ERROR)
        return True

    logger = logging.getLogger("test")
    logger.addFilter(fail_meanwhile)

    outage.report(ERROR)
    assert len(caplog.messages) == 1


def test_an_error_that_is_no_outage_is_told_with_its_traceback(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    outage.report(KeyError("a fault"))
    outage.end()
    outage.report(ERROR)

    fault, _, expected = caplog.records
    assert fault.exc_info
    assert not expected.exc_info


def test_what_is_no_outage_of_the_broker_is_not_counted_as_one(outage: Outage) -> None:
    before = incidents.counts()["interruption", ""]

    outage.report(LookupError("the database is away"))
    outage.end()
    assert incidents.counts()["interruption", ""] == before

    outage.report(ERROR)
    assert incidents.counts()["interruption", ""] == before + 1


def test_the_next_outage_is_said_again(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        outage.report(ERROR)
        outage.end()

    assert len(caplog.messages) == 4


def test_pauses_double_up_to_a_second_and_begin_anew_after_a_success(
    outage: Outage, pauses: list[float]
) -> None:
    # Given an outage of many days
    for _ in range(5000):
        outage.report(ERROR)
        outage.wait()

    # Expect pauses that grow to a limit
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS

    # And short ones again in the next
    outage.end()
    outage.report(ERROR)
    assert outage.pause_seconds == FIRST_PAUSE_SECONDS


def test_a_server_that_is_silent_is_told_of_once_whoever_needs_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given three that need a server, of which one was interrupted and then forgotten
    logger = logging.getLogger("test")
    silence = Silence(logger, "whatever needs Redis")
    one, other = (Outage(logger, name, silence=silence) for name in ("one", "other"))
    Outage(logger, "forgotten", silence=silence).report(ERROR)
    caplog.clear()

    # When the server does not answer for a while
    one.report(ERROR)
    other.report(ERROR)
    assert silence.is_on
    one.end()
    assert silence.is_on
    other.end()

    # Expect two lines
    assert not silence.is_on
    began, ended = caplog.messages
    assert began.startswith("Interrupted: whatever needs Redis. Reason: refused.")
    assert ended.startswith("Resumed: whatever needs Redis, after ")


def test_a_server_that_was_silent_and_refuses_since_is_told_of_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given two that need a server whose password was changed, and which was started anew then
    logger = logging.getLogger("test")
    silence = Silence(logger, "whatever needs Redis")
    parts = [Outage(logger, name, silence=silence) for name in ("one", "other")]
    for part in parts:
        part.report(redis.ConnectionError("Connection closed by server."))
        part.report(redis.AuthenticationError("invalid password"))
    assert len(caplog.messages) == 1

    # When they are refused for good
    for part in parts * 100:
        part.report(redis.AuthenticationError("invalid password"))
        part.report(redis.ConnectionError("Connection closed by server."))

    # Expect the reason that somebody can do something about, once
    _, refused = caplog.messages
    assert refused.startswith(
        "Still interrupted: whatever needs Redis. Reason now: invalid password. User and password "
    )


def test_a_cluster_that_is_down_is_told_of_once_whoever_needs_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given what a queue needs, on a server of a cluster that has just lost another one
    logger = logging.getLogger("test")
    silence = Silence(logger, "queue 'beer'")
    parts = [Outage(logger, name, silence=silence) for name in ("heartbeats", "delayed messages")]

    # When it answers that the cluster serves nobody, until it does again
    for part in parts:
        part.report(redis.exceptions.ClusterDownError("The cluster is down"))
    for part in parts:
        part.end()

    # Expect two lines
    began, ended = caplog.messages
    assert began.startswith("Interrupted: queue 'beer'. Reason: The cluster is down.")
    assert ended.startswith("Resumed: queue 'beer', after ")


@pytest.mark.parametrize(
    "reason",
    [
        "Error -2 connecting to bar:6379. Name or service not known.",
        "Error -3 connecting to bar:6379. Temporary failure in name resolution.",
        "Error 1 connecting to bar:6379. [SSL: CERTIFICATE_VERIFY_FAILED] it has expired.",
    ],
)
def test_a_server_that_went_and_is_not_to_be_found_or_trusted_since_is_told_of_again(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    outage = Outage(logging.getLogger("test"), "heartbeats")

    outage.report(redis.ConnectionError("Connection closed by server."))
    for _ in range(100):
        outage.report(redis.ConnectionError(reason))

    _, found_out = caplog.messages
    assert found_out.startswith(f"Still interrupted: heartbeats. Reason now: {reason[:-1]}. ")


def test_a_server_that_answers_with_an_error_is_told_of_by_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("test")
    silence = Silence(logger, "whatever needs Redis")
    outage = Outage(logger, "queue 'beer'", silence=silence)

    outage.report(redis.ResponseError("a key of another type"))
    outage.end()

    assert not silence.is_on
    assert all("queue 'beer'" in text for text in caplog.messages)
    assert len(caplog.messages) == 2


def test_errors_of_the_broker_show_what_they_say() -> None:
    assert repr(BrokerUnavailable("no Redis")) == "BrokerUnavailable('no Redis')"
    assert "a list, got a set" in str(WrongKeyType("beer", expected="list", actual="set"))
    assert repr(WrongKeyType("beer", expected="list", actual="set")) == "WrongKeyType('beer')"
