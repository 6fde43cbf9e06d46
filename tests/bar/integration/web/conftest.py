"""A place for the programs of one module, which share a server and a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROJECT_DIR, empty, program_environment
from tests.support.processes import ProcessStarter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from barback.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("website")


@pytest.fixture(scope="module")
def start_here(embedded_server: EmbeddedServer, directory: Path) -> Iterator[ProcessStarter]:
    url = embedded_server.ensure()
    empty(url)
    environment = program_environment(REDIS_URL=url, BARBACK_DATA_DIR=str(directory))
    with ProcessStarter(cwd=PROJECT_DIR, env=environment, output_dir=directory) as start:
        yield start
