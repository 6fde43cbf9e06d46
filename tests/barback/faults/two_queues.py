"""Jobs on two queues, one of which may run at a time.

``dramatiq tests.barback.faults.two_queues -Q here`` serves one of them.
"""

from __future__ import annotations

import dramatiq

from tests.barback.faults.actors import lone_job
from tests.barback.faults.options import ALONE

for queue_name in ("here", "there"):
    dramatiq.actor(queue_name=queue_name, actor_name=f"lone_job_{queue_name}", **ALONE)(lone_job)
