"""Send a message if, and only if, the transaction that wants it sent is committed.

A program that writes to its database and then sends a message can die in between, or find the
broker unreachable: the row is there and the message is not. Sending first is no better, since
the transaction may be rolled back, or the message may run before it is committed. So the message
is written to a table, the outbox, in the same transaction; a relay sends what it finds there.

Needs the extra ``outbox`` (SQLAlchemy Core)::

    outbox = Outbox(outbox_table(metadata), broker)
    relay = OutboxRelay(outbox, engine)
    relay.start()

    with engine.begin() as connection:
        connection.execute(insert(users).values(id=1))
        outbox.add(connection, send_email.message(1))
    relay.wake()  # at once; without it, within a few seconds
"""

from __future__ import annotations

import inspect
import logging
import threading
from typing import TYPE_CHECKING, Any

import dramatiq
from dramatiq.errors import ConnectionFailed
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from barback.connection.outage import EXPECTED_ERRORS, Outage
from barback.errors import AlreadyEnqueued

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Delete, Row
    from sqlalchemy.orm import Session

    from barback.sending.once import OnceBroker

#: How long the broker remembers what was sent, in seconds. A relay that dies between the sending
#: and the deletion of a row must be back within this time, or else the message is sent twice.
TOKEN_TTL_SECONDS = 86_400

#: How many rows are read at once.
BATCH_SIZE = 100

#: How often the relay looks for messages that nobody woke it for, in seconds.
SWEEP_INTERVAL_SECONDS = 5.0


def outbox_table(metadata: MetaData, name: str = "outbox") -> Table:
    """Declare the table of an outbox."""
    return Table(
        name,
        metadata,
        Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("message", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


class Outbox:
    """Messages in a table, on their way to a broker.

    Parameters:
      table: The table, made by :func:`outbox_table`.
      broker: Where the messages go.
    """

    def __init__(self, table: Table, broker: OnceBroker) -> None:
        self.table = table
        self.broker = broker
        self.logger = logging.getLogger(__name__)
        self._unsendable_ids: set[int] = set()  # of the rows that the log was told of

    def add(self, transaction: Connection | Session, message: dramatiq.Message[Any]) -> None:
        """Write a message as part of the caller's transaction.

        Parameters:
          transaction: The caller's connection or session; with asyncio, that of its ``run_sync``.
          message: The message.

        Raises:
          TypeError: When `transaction` is one of asyncio, on which this would write nothing.
          ValueError: When the message was sent already, or has a delay, which would be lost.
        """
        if inspect.iscoroutinefunction(getattr(transaction, "execute", None)):
            raise TypeError(
                f"Expected a Connection or a Session, got an {type(transaction).__name__}. With "
                "asyncio, write: await transaction.run_sync(outbox.add, message)"
            )
        if "redis_message_id" in message.options:  # the broker has given it one
            name = message.actor_name
            raise ValueError(f"It was sent already: give {name}.message(…), not {name}.send(…).")
        if "delay" in message.options:
            raise ValueError("An outbox knows no delay: let an actor that it starts send this one.")
        transaction.execute(insert(self.table).values(message=message.encode()))

    def flush(self, engine: Engine) -> int:
        """Send what is there, the oldest first. Any number of processes may do so at once.

        Returns:
          How many messages were sent.

        Raises:
          ConnectionFailed: The broker is unavailable or unsuitable.
          sqlalchemy.exc.SQLAlchemyError: The database cannot be used.
          TypeError: `engine` is none of ``create_engine()``.

        Whatever is raised, the messages that were not sent stay.
        """
        _check_engine(engine)
        flushed = last_id = 0
        while rows := self._read_batch(engine, after_id=last_id):
            flushed += self._send_batch(engine, rows)
            last_id = rows[-1].id
        return flushed

    def _read_batch(self, engine: Engine, *, after_id: int) -> Sequence[Row[int, bytes]]:
        columns = self.table.c
        query = select(columns.id, columns.message).where(columns.id > after_id)
        with engine.connect() as connection:
            return connection.execute(query.order_by(columns.id).limit(BATCH_SIZE)).all()

    def _send_batch(self, engine: Engine, rows: Sequence[Row[int, bytes]]) -> int:
        sent: list[dict[str, Any]] = []
        try:
            # Not a list of all: those before the one that failed must be deleted, too.
            sent.extend(
                {"sent_id": row.id, "sent_message": row.message} for row in rows if self._send(row)
            )
        finally:
            if sent:
                with engine.begin() as connection:
                    connection.execute(self._deletion(engine), sent)
        return len(sent)

    def _deletion(self, engine: Engine) -> Delete:
        columns = self.table.c
        deletion = delete(self.table).where(columns.id == bindparam("sent_id"))
        if engine.dialect.name == "sqlite":
            # When another relay has deleted the row meanwhile, SQLite gives its id to the next one,
            # which nobody has sent. The others do not, and Oracle could not compare the messages.
            deletion = deletion.where(columns.message == bindparam("sent_message"))
        return deletion

    def _send(self, row: Row[int, bytes]) -> bool:
        try:
            message: dramatiq.Message[Any] = dramatiq.Message.decode(row.message)
            # Not the row's id: that of a database that was restored or made anew begins at 1.
            self.broker.enqueue_once(
                message, token=f"outbox:{message.message_id}", ttl_seconds=TOKEN_TTL_SECONDS
            )
        except ConnectionFailed:
            raise
        except AlreadyEnqueued as error:  # who added it is not there any more to be told
            self.logger.info("Message %d of the outbox is not needed: %s", row.id, error)
        except Exception:
            # It must not keep the others from being sent. It stays, and is tried again.
            if row.id not in self._unsendable_ids:
                self._unsendable_ids.add(row.id)
                self.logger.exception("Message %d of the outbox cannot be sent.", row.id)
            return False
        self._unsendable_ids.discard(row.id)
        return True


def _check_engine(engine: Engine) -> None:
    if not isinstance(engine, Engine):
        raise TypeError(
            f"Expected an Engine, got an {type(engine).__name__}. Make one with create_engine(); "
            "a program that has an AsyncEngine needs one more for its outbox."
        )


class OutboxRelay:
    """A thread that sends what is in an outbox: when it is woken, and every few seconds.

    Parameters:
      outbox: The outbox.
      engine: The database in which its table is.

    Raises:
      TypeError: When `engine` is none of ``create_engine()``.
    """

    def __init__(self, outbox: Outbox, engine: Engine) -> None:
        _check_engine(engine)
        self.outbox = outbox
        self.engine = engine
        self._wake = threading.Event()
        self._stop = threading.Event()
        expected = (*EXPECTED_ERRORS, SQLAlchemyError)
        self._outage = Outage(outbox.logger, "the outbox", wait=self._stop.wait, expected=expected)
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether its thread lives, for health checks. No error ends it, only :meth:`stop`."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, at first or after :meth:`stop`. One that runs goes on."""
        self._stop.clear()
        self._wake.set()  # the last process may have left something behind
        if not self.is_running:
            self._thread = threading.Thread(target=self._run, name="outbox-relay", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Have the outbox flushed now. Returns at once, whatever the broker does."""
        self._wake.set()

    def stop(self, *, timeout_seconds: float = 5.0) -> None:
        """End the thread; what it did not send is sent by the next relay."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(SWEEP_INTERVAL_SECONDS)
            self._wake.clear()
            try:
                self.outbox.flush(self.engine)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
                self._outage.report(error)
                self._outage.wait()
                self._wake.set()
            else:
                self._outage.end()
