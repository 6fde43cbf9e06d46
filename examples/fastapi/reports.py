"""An API that answers at once: a worker makes the report, and a second request fetches it."""

import os
import time
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.results import ResultMissing, Results
from dramatiq.results.backends import RedisBackend
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from redis import RedisError

from barback import RedisBroker
from barback.embedded import EmbeddedServer

url = os.environ.get("REDIS_URL") or EmbeddedServer(Path(".barback")).ensure()
broker = RedisBroker(url=url)
broker.add_middleware(Results(backend=RedisBackend(client=broker.client)))
dramatiq.set_broker(broker)

app = FastAPI()


@dramatiq.actor(store_results=True)
def make_report(month: int) -> dict[str, int]:
    time.sleep(0.5)  # this is where the work would be
    print(f"The report on month {month} is ready.", flush=True)
    return {"month": month, "orders": month * 100}


# `def`, not `async def`: FastAPI runs these in threads, where they may wait for the broker.
@app.post("/reports/{month}", status_code=202)
def order_report(month: int) -> dict[str, str]:
    return {"report_id": make_report.send(month).message_id}


@app.get("/reports/{report_id}")
def fetch_report(report_id: str) -> Any:
    # The id alone tells which message it was.
    message = make_report.message(month=0).copy(message_id=report_id)
    try:
        return message.get_result()
    except ResultMissing:
        raise HTTPException(404, "There is no such report yet.") from None


@app.exception_handler(RedisError)
def explain_outage(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "Please try again in a minute."}, status_code=503)
