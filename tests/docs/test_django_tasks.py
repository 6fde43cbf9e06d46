"""What the page on Django says of its list of tasks."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.conftest import PROJECT_DIR, program_environment
from tests.support.readme import read_blocks

if TYPE_CHECKING:
    from pathlib import Path

SITE = """
import os
import time

import django
import dramatiq
from django.conf import settings
from django.core.management import call_command
from dramatiq.middleware import Middleware


class SlowSender(Middleware):
    def after_enqueue(self, broker, message, delay):
        # The sender goes on when the task is done, and not before.
        deadline = time.monotonic() + 30
        while not Task.tasks.filter(id=message.message_id, status=Task.STATUS_DONE).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


if __name__ == "__main__":
    settings.configure(
        INSTALLED_APPS=["django_dramatiq"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "site.sqlite3",
                "OPTIONS": {"timeout": 20},
            }
        },
        DRAMATIQ_BROKER={
            "BROKER": "barback.RedisBroker",
            "OPTIONS": {"url": os.environ["REDIS_URL"]},
            "MIDDLEWARE": ["middleware.EarlyAdminMiddleware", "site_of_a_test.SlowSender"],
        },
        USE_TZ=True,
    )
    import site_of_a_test

    django.setup()
    from django_dramatiq.models import Task

    site_of_a_test.Task = Task
    call_command("migrate", verbosity=0)

    @dramatiq.actor
    def serve():
        pass

    worker = dramatiq.Worker(dramatiq.get_broker(), worker_timeout=100, worker_threads=1)
    worker.start()
    message = serve.send()
    worker.stop()
    print(Task.tasks.get(id=message.message_id).status)
"""


def test_a_task_that_is_done_before_its_sender_goes_on_is_listed_as_done(
    tmp_path: Path, redis_url: str
) -> None:
    blocks = read_blocks(PROJECT_DIR / "docs/how-to/django.md")
    (middleware,) = [it.text for it in blocks if it.title == "shop/middleware.py"]
    (tmp_path / "middleware.py").write_text(middleware)
    (tmp_path / "site_of_a_test.py").write_text(SITE)
    shown = subprocess.run(
        [sys.executable, "site_of_a_test.py"],
        cwd=tmp_path,
        env=program_environment(REDIS_URL=redis_url, PYTHONPATH=str(PROJECT_DIR)),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert shown.stdout == "done\n", shown.stderr
