"""Interrupts that strike when an actor has ended and its message has not.

Dramatiq raises an interrupt, such as that of a time limit, in a thread wherever that is. Where the
actor has just failed, its thread is about to log that and to send the retry: it would leave both
out, tell Redis that the message is done, and end.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dramatiq.logging import get_logger
from dramatiq.middleware.threading import Interrupt

from barback.messages.delivery import as_delivery

if TYPE_CHECKING:
    from dramatiq import MessageProxy
    from dramatiq.worker import ConsumerThread, WorkerThread

_logger = get_logger(__name__)


def complete_interrupted_ends(thread: ConsumerThread) -> None:
    """Do what an interrupt has kept from being done about the end of a message, before Redis is
    told of it.

    Parameters:
      thread: The consumer thread of a queue, which worker threads tell that a message has ended.
    """
    post_process_message = thread.post_process_message

    def complete_and_post_process(message: MessageProxy) -> None:
        interrupt = sys.exc_info()[1]  # on its way out of Dramatiq's `try`
        if isinstance(interrupt, Interrupt) and not message.failed:
            delivery = as_delivery(message)
            if not delivery.will_be_followed:
                error = delivery._exception or interrupt  # noqa: SLF001 - where Dramatiq puts it
                thread.broker.emit_after("process_message", message, exception=error)
        post_process_message(message)

    thread.post_process_message = complete_and_post_process  # type: ignore[method-assign]


def survive_interrupts(thread: WorkerThread) -> None:
    """Have a worker thread live on after an interrupt that came too late.

    Parameters:
      thread: The thread, before it works on its first message.
    """
    process_message = thread.process_message

    def process_and_survive(message: MessageProxy) -> None:
        try:
            process_message(message)
        except Interrupt as interrupt:
            _logger.warning("%s came when its message had ended.", type(interrupt).__name__)

    thread.process_message = process_and_survive  # type: ignore[method-assign]
