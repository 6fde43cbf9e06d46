"""What workers count, how it is kept, and how it is read.

Needs nothing but the broker. :mod:`barback.metrics.prometheus` needs the extra ``prometheus``.
"""

from barback.metrics.history import SPANS, Deployment, History, Timeline
from barback.metrics.middleware import Metrics

__all__ = ["SPANS", "Deployment", "History", "Metrics", "Timeline"]
