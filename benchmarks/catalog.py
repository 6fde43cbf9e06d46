"""Every system that can be measured."""

from __future__ import annotations

from benchmarks.systems.arq import SYSTEM as ARQ
from benchmarks.systems.celery import SYSTEM as CELERY
from benchmarks.systems.huey import SYSTEM as HUEY
from benchmarks.systems.ours import SYSTEM as OURS
from benchmarks.systems.rq import SYSTEM as RQ
from benchmarks.systems.stock import SYSTEM as STOCK
from benchmarks.systems.streaq import SYSTEM as STREAQ
from benchmarks.systems.taskiq import SYSTEM as TASKIQ

SYSTEMS = {system.name: system for system in (OURS, STOCK, HUEY, TASKIQ, CELERY, STREAQ, ARQ, RQ)}
