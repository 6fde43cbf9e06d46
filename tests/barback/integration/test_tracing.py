"""Traces run through the broker, whatever way a message takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.middleware import Retries, SkipMessage
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import MetaData, create_engine

from barback import send_many
from barback.outbox import Outbox, outbox_table
from barback.tracing import OPTION, Tracing, traced
from tests.support.polling import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from barback import RedisBroker


class Spans:
    """A tracer provider whose spans are kept in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def ended(self, kind: SpanKind) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.kind is kind]

    def wait_for(self, kind: SpanKind, count: int) -> list[ReadableSpan]:
        return eventually(lambda: len(found := self.ended(kind)) >= count and found) or []


@pytest.fixture
def spans(broker: RedisBroker) -> Spans:
    spans = Spans()
    broker.add_middleware(Tracing(spans.provider), before=Retries)
    broker.emit_after("process_boot")
    return spans


def test_one_trace_runs_from_a_request_over_outbox_and_broker_to_what_that_sends(
    broker: RedisBroker,
    spans: Spans,
    run_worker: Callable[..., dramatiq.Worker],
    tmp_path: Path,
) -> None:
    # Given a sign-up that sends an e-mail through an outbox, which sends another message
    @dramatiq.actor(broker=broker, queue_name="reports")
    def note() -> None: ...

    @dramatiq.actor(broker=broker, queue_name="email")
    def send_email(_user: int) -> None:
        note.send()

    metadata = MetaData()
    table = outbox_table(metadata)
    engine = create_engine(f"sqlite:///{tmp_path / 'bar.db'}")
    metadata.create_all(engine)
    outbox = Outbox(table, broker)
    tracer = spans.provider.get_tracer("website")
    with tracer.start_as_current_span("POST /sign-ups") as request, engine.begin() as connection:
        outbox.add(connection, traced(send_email.message(1)))

    # When somebody else relays it, later
    outbox.flush(engine)
    run_worker()
    consumed = spans.wait_for(SpanKind.CONSUMER, 2)

    # Expect each span to be the child of the one before, in the trace of the request
    produced = {span.name: span for span in spans.ended(SpanKind.PRODUCER)}
    by_name = {span.name: span for span in consumed}
    chain = [
        produced["send email"],
        by_name["process email"],
        produced["send reports"],
        by_name["process reports"],
    ]
    parents = [request.get_span_context().span_id, *(span.context.span_id for span in chain)]
    assert [span.parent and span.parent.span_id for span in chain] == parents[:-1]
    assert {span.context.trace_id for span in chain} == {request.get_span_context().trace_id}
    engine.dispose()


def test_a_retry_is_sent_within_the_attempt_that_failed(
    broker: RedisBroker, spans: Spans, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    outcomes = [RuntimeError("keg is empty"), None]

    @dramatiq.actor(broker=broker, queue_name="beer", max_retries=1, min_backoff=1)
    def pour() -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    pour.send()
    run_worker()
    first, second = spans.wait_for(SpanKind.CONSUMER, 2)

    retry = spans.ended(SpanKind.PRODUCER)[1]
    assert retry.parent is not None
    assert retry.parent.span_id == first.context.span_id
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET
    assert second.attributes is not None
    assert second.attributes["dramatiq.retries"] == 1
    assert second.context.trace_id == first.context.trace_id


@pytest.mark.parametrize("way", ["delayed", "in bulk"])
def test_delayed_and_bulk_messages_carry_their_trace(
    broker: RedisBroker, spans: Spans, run_worker: Callable[..., dramatiq.Worker], way: str
) -> None:
    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour(_number: int) -> None: ...

    tracer = spans.provider.get_tracer("website")
    with tracer.start_as_current_span("order") as request:
        if way == "delayed":
            pour.send_with_options(args=(1,), delay=20)
        else:
            send_many(pour, [(1,)])
    run_worker()
    (consumed,) = spans.wait_for(SpanKind.CONSUMER, 1)

    assert consumed.context.trace_id == request.get_span_context().trace_id
    (link,) = consumed.links
    assert link.context.span_id == spans.ended(SpanKind.PRODUCER)[0].context.span_id


def test_a_skipped_message_leaves_no_trace_open_in_its_thread(
    broker: RedisBroker, spans: Spans, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    class Skip(dramatiq.Middleware):
        def before_process_message(self, broker: Any, message: Any) -> None:
            raise SkipMessage

    broker.add_middleware(Skip())

    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None: ...

    for _ in range(2):
        pour.send()
    run_worker(threads=1)

    first, second = spans.wait_for(SpanKind.CONSUMER, 2)
    assert first.context.trace_id != second.context.trace_id


def test_a_trace_that_nobody_records_stays_so_through_all_that_follows(
    broker: RedisBroker, run_worker: Callable[..., dramatiq.Worker]
) -> None:
    # Given a program that records no trace that begins, and one that sends from within actors
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    broker.add_middleware(Tracing(provider), before=Retries)
    broker.emit_after("process_boot")
    carried: list[Any] = []
    seen: list[int] = []

    @dramatiq.actor(broker=broker, queue_name="reports")
    def note() -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)

    @dramatiq.actor(broker=broker, queue_name="email")
    def send_email() -> None:
        # What others record in an actor hears that it is not to be recorded, too.
        with provider.get_tracer("database").start_as_current_span("SELECT"):
            note.send()

    # When something is sent, and sends something
    sent = send_email.send()
    carried.append(sent.options[OPTION]["traceparent"])
    run_worker()
    eventually(lambda: seen)

    # Expect one trace, of which nothing is recorded
    assert carried[0][-2:] in ("00", "02")
    assert f"{seen[0]:032x}" == carried[0].split("-")[1]
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize("carried", [7, "x", {"traceparent": 1}, {"traceparent": "00-zz"}, None])
def test_a_trace_that_cannot_be_read_begins_anew(
    broker: RedisBroker,
    spans: Spans,
    run_worker: Callable[..., dramatiq.Worker],
    carried: object,
) -> None:
    @dramatiq.actor(broker=broker, queue_name="beer")
    def pour() -> None: ...

    broker.enqueue(pour.message().copy(options={OPTION: carried}))
    run_worker()

    (consumed,) = spans.wait_for(SpanKind.CONSUMER, 1)
    assert consumed.status.status_code is StatusCode.UNSET
