"""Traces: a span where a message is sent, and one where it runs, in the same trace.

Needs the extra ``tracing`` (the API of OpenTelemetry; your program brings and sets up the SDK)::

    broker.add_middleware(Tracing(), before=Retries)

What carries a trace is an option of the message, so it lasts through retries, delays, bulk sends
and schedules. A message that goes through an outbox is written before it is sent: mark it with
:func:`traced`.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dramatiq.middleware import Middleware
from opentelemetry import context, propagate, trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, StatusCode

if TYPE_CHECKING:
    import dramatiq
    from dramatiq import MessageProxy
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, TracerProvider
    from opentelemetry.util.types import AttributeValue

    AnyMessage = dramatiq.Message[Any] | MessageProxy

#: The option of a message that carries its trace: the headers of W3C, as a rule.
OPTION = "trace_context"

#: The names of OpenTelemetry's conventions for messaging, which are still in development.
_SYSTEM = "messaging.system"
_OPERATION = "messaging.operation.type"
_DESTINATION = "messaging.destination.name"
_MESSAGE_ID = "messaging.message.id"
_ACTOR = "dramatiq.actor"
_RETRIES = "dramatiq.retries"
_DELAY_MS = "dramatiq.delay_ms"


#: How long W3C's header of a trace is in its first version, and what it ends with where nobody
#: records the trace: flags without the lowest bit.
_HEADER_CHARACTERS = 55
_UNSAMPLED = ("-00", "-02")


class _UnsampledSpan(NonRecordingSpan):
    """The span of a message whose trace is not recorded: it is kept as it came, and read only for
    those who ask. Most messages of a busy program are such, and should pay next to nothing.

    Parameters:
      carrier: What the message carries.
    """

    def __init__(self, carrier: dict[str, str]) -> None:
        self.carrier = carrier

    def get_span_context(self) -> SpanContext:
        return trace.get_current_span(propagate.extract(self.carrier)).get_span_context()


def traced(message: dramatiq.Message[Any]) -> dramatiq.Message[Any]:
    """A copy of a message that carries the current trace, for an outbox::

    outbox.add(connection, traced(send_email.message(1)))
    """
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return message.copy(options={OPTION: carrier}) if carrier else message


class Tracing(Middleware):
    """Makes a span for each message that is sent, and for each attempt to run one.

    Add it before :class:`dramatiq.middleware.Retries`, so that a retry is sent within the span of
    the attempt that failed.

    Parameters:
      tracer_provider: Where spans go, instead of to the program's own.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("barback", tracer_provider=tracer_provider)
        self._attempts = threading.local()

    def before_enqueue(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        message: dramatiq.Message[Any],
        delay: int | None,
    ) -> None:
        if self._is_unsampled(message):
            return
        attributes = _attributes(message, "send")
        if delay is not None:
            attributes[_DELAY_MS] = delay
        parent = _context_of_sender(message)
        span = self._tracer.start_span(
            f"send {_queue_of(message)}",
            parent,
            kind=SpanKind.PRODUCER,
            attributes=attributes,
        )
        carrier: dict[str, str] = {}
        propagate.inject(carrier, trace.set_span_in_context(span, parent))
        message.options[OPTION] = carrier
        # At once: nobody tells of a message that could not be sent, and the span would stay open.
        span.end()

    def before_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        message: MessageProxy,
    ) -> None:
        carrier = _unsampled(message.options.get(OPTION))
        if carrier is not None:
            unsampled = trace.set_span_in_context(_UnsampledSpan(carrier))
            self._attempts.current = (None, context.attach(unsampled))
            return
        parent = _carried(message)
        attributes = _attributes(message, "process")
        attributes[_RETRIES] = message.options.get("retries", 0)
        sender = trace.get_current_span(parent).get_span_context()
        span = self._tracer.start_span(
            f"process {message.queue_name}",
            parent,
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            links=[Link(sender)] if sender.is_valid else (),
        )
        token = context.attach(trace.set_span_in_context(span, parent))
        self._attempts.current = (span, token)

    def after_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        message: MessageProxy,  # noqa: ARG002
        *,
        result: Any = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        span = self._leave()
        if span is None:
            return
        if exception is not None:
            span.record_exception(exception)
            span.set_status(StatusCode.ERROR, type(exception).__name__)
        span.end()

    def after_skip_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is Dramatiq's
        message: MessageProxy,  # noqa: ARG002
    ) -> None:
        span = self._leave()
        if span is not None:
            span.add_event("skipped")
            span.end()

    def _is_unsampled(self, message: dramatiq.Message[Any]) -> bool:
        """Whether a message that is sent belongs to a trace that nobody records; it then carries it
        on, without a span.
        """
        current = trace.get_current_span()
        if isinstance(current, _UnsampledSpan):
            message.options[OPTION] = current.carrier
            return True
        sender = current.get_span_context()
        if not sender.is_valid:  # the relay of an outbox, or nobody
            return _unsampled(message.options.get(OPTION)) is not None
        if sender.trace_flags.sampled or current.is_recording():
            return False
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        message.options[OPTION] = carrier
        return True

    def _leave(self) -> Span | None:
        """The span of this thread's attempt, which is over."""
        current = getattr(self._attempts, "current", None)
        if current is None:
            return None
        self._attempts.current = None
        span, token = current
        context.detach(token)
        return span  # type: ignore[no-any-return]


def _unsampled(carrier: object) -> dict[str, str] | None:
    """What a message carries, if that is a trace that nobody records, and nothing besides."""
    if not isinstance(carrier, dict) or len(carrier) != 1:
        return None
    header = carrier.get("traceparent")
    is_unsampled = (
        isinstance(header, str)
        and len(header) == _HEADER_CHARACTERS
        and header.endswith(_UNSAMPLED)
    )
    return carrier if is_unsampled else None


def _context_of_sender(message: AnyMessage) -> Context:
    """What a send belongs to: what this thread does or, where that is nothing, as in the relay of
    an outbox, what the message carries.
    """
    current = context.get_current()
    if trace.get_current_span(current).get_span_context().is_valid:
        return current
    return _carried(message)


def _carried(message: AnyMessage) -> Context:
    carrier = message.options.get(OPTION)
    if not isinstance(carrier, dict):  # others may have written anything there
        carrier = {}
    headers = {name: value for name, value in carrier.items() if isinstance(value, str)}
    return propagate.extract(headers, context=context.get_current())


def _queue_of(message: AnyMessage) -> str:
    return message.queue_name.removesuffix(".DQ")


def _attributes(message: AnyMessage, operation: str) -> dict[str, AttributeValue]:
    return {
        _SYSTEM: "redis",
        _OPERATION: operation,
        _DESTINATION: _queue_of(message),
        _MESSAGE_ID: message.message_id,
        _ACTOR: message.actor_name,
    }
