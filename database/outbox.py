"""Messages that wait for their transaction to be committed."""

from barback.outbox import outbox_table
from database.base import Base

outbox = outbox_table(Base.metadata)
