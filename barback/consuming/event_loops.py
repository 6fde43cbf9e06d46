"""The event loop of asynchronous actors."""

from __future__ import annotations

from dramatiq.asyncio import EventLoopThread


def outlive_exits() -> None:
    """Have the event loop of a worker that has not started yet go on when an actor exits.

    Where a task raises :class:`SystemExit`, as :func:`sys.exit` does, asyncio hands it to the task
    and to whoever runs the loop, too. Dramatiq's thread would end by it: the message would count as
    running for as long as its time limit says, and every later one fail.
    """
    EventLoopThread.run = _run_and_outlive_exits  # type: ignore[method-assign]


def _run_and_outlive_exits(thread: EventLoopThread) -> None:
    thread.logger.info("Starting event loop...")
    try:
        while True:
            try:
                thread.loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                thread.logger.debug("The event loop goes on after %r.", error)
            else:
                return
    finally:
        thread.loop.close()
