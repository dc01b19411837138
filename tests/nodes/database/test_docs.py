"""What docs/databases.md says is true."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from nodes.database.drivers import DRIVERS
from nodes.database.errors import (
    ConnectError,
    DriverMissingError,
    NotConnectedError,
    QueryError,
    TransactionError,
)
from tests.conftest import RunWorkflow

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "databases.md").read_text("utf-8")


async def test_the_example_runs(run_workflow: RunWorkflow) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

    outcomes = [await run_workflow(json.loads(block)) for block in blocks]

    assert [(outcome.status, outcome.data["found"]["rowCount"]) for outcome in outcomes] == [("completed", 1)]


def test_every_kind_has_a_row_with_its_extra() -> None:
    drivers = PAGE[PAGE.index("## Drivers") : PAGE.index("## Connecting")]
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| (?:`pip install 'batchwright\[(\w+)\]'`)? ?\|", drivers, re.MULTILINE
    )

    assert dict(rows) == {kind: driver.extra for kind, driver in DRIVERS.items()}


def test_every_extra_is_one_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    wanted = {driver.extra for driver in DRIVERS.values() if driver.extra}

    assert wanted <= set(extras)
    assert extras["databases"] == [f"batchwright[{','.join(sorted(wanted))}]"]


def test_every_code_is_listed() -> None:
    errors = (ConnectError, DriverMissingError, NotConnectedError, QueryError, TransactionError)

    assert {error.code for error in errors} <= set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
