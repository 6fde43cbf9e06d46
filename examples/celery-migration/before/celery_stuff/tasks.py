"""The tasks, on Celery."""

import time

from celery import Celery

app = Celery("celery_stuff", broker="redis://localhost:6379/0")
app.conf.task_routes = {
    "celery_stuff.tasks.serve_a_beer": {"queue": "beer"},
    "celery_stuff.tasks.serve_a_coffee": {"queue": "coffee"},
}


@app.task
def serve_a_beer(size: str) -> None:
    time.sleep(1)
    print(f"A {size} beer is served.")


@app.task
def serve_a_coffee(size: str) -> None:
    print(f"A {size} coffee is served.")
