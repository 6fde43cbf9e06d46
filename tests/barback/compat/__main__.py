"""Run other projects' tests on stock Dramatiq's Redis broker and on Barback's, and compare.

``make compat``, or ``python -m tests.barback.compat dramatiq`` for one of them. The tests come
from the source distributions of the versions that are installed; barback is the installed one, too.

Exit codes: 0 whatever passes on stock passes on Barback, 1 something does not, or could not be run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import click

from tests.barback.compat.running import NotRunError, run, source
from tests.barback.compat.suites import SUITES, Suite

#: How often a test that passes on stock may be tried again on Barback. Some are races: what a slow
#: broker always wins, a fast one may lose.
FURTHER_TRIES = 2

#: Tests mostly wait, so that two processors have time for more runs than two.
_RUNS_AT_A_TIME = 4


@click.command
@click.argument("packages", nargs=-1, type=click.Choice([suite.package for suite in SUITES]))
def main(packages: tuple[str, ...]) -> None:
    """Compare the suites of PACKAGES, or of all."""
    chosen = [suite for suite in SUITES if not packages or suite.package in packages]
    with ThreadPoolExecutor(_RUNS_AT_A_TIME) as runs, ThreadPoolExecutor(len(chosen)) as suites:
        verdicts = list(suites.map(lambda suite: _compare(suite, runs), chosen))
    sys.exit(0 if all(verdicts) else 1)


def _compare(suite: Suite, runs: ThreadPoolExecutor) -> bool:
    """Say how a suite went on both brokers, and whether that is well."""
    title = f"{suite.package} {version(suite.package)}"
    with tempfile.TemporaryDirectory(prefix="compat-") as directory:
        try:
            project = source(suite, Path(directory))
            stock, barback = runs.map(
                lambda broker: run(suite, broker, project), ["stock", "barback"]
            )
            passing = {test for test, outcome in stock.items() if outcome == "passed"}
            lines = _try_again(suite, project, passing, barback)
        except (NotRunError, subprocess.TimeoutExpired) as error:
            click.echo(f"{title}: not run: {error}", err=True)
            return False
    missing = [test for test in _missing(passing, barback) if test not in suite.differs]
    lines += [f"{test} passes on stock alone" for test in missing]
    lines += [f"{test} differs: {reason}" for test, reason in suite.differs.items()]
    if len(passing) < suite.at_least:
        lines.append(f"at least {suite.at_least} were expected to pass on stock")
    counts = f"stock {_count(stock)}, barback {_count(barback)}"
    click.echo("\n  ".join([f"{title}: {counts}", *lines]))
    return not missing and len(passing) >= suite.at_least


def _try_again(
    suite: Suite, project: Path, passing: set[str], outcomes: dict[str, str]
) -> list[str]:
    """Run what passes on stock alone again; note which tests pass now, in `outcomes`, too."""
    notes = []
    for number in range(FURTHER_TRIES):
        missing = _missing(passing - suite.differs.keys(), outcomes)
        if missing:
            outcomes.update(run(suite, "barback", project, only=missing))
        notes += [
            f"{test} passed at try {number + 2}" for test in missing if outcomes[test] == "passed"
        ]
    return notes


def _missing(passing: set[str], outcomes: dict[str, str]) -> list[str]:
    return sorted(test for test in passing if outcomes.get(test) != "passed")


def _count(outcomes: dict[str, str]) -> str:
    passed = sum(outcome == "passed" for outcome in outcomes.values())
    skipped = sum(outcome == "skipped" for outcome in outcomes.values())
    return f"{passed} of {len(outcomes) - skipped}"


if __name__ == "__main__":
    main()
