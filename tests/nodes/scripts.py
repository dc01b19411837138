"""Running JavaScript nodes in tests."""

from __future__ import annotations

from typing import Any

from tests.conftest import RunSteps
from tests.running import Outcome, Step


def script(code: str) -> Step:
    return ("javascriptCode", {"code": code})


async def returned(
    run_steps: RunSteps, code: str, *, data: dict[str, Any] | None = None, **options: Any
) -> Any:
    """What a script returns; it must succeed."""
    outcome = await run_steps(script(code), data=data, **{"open_browser": False, **options})
    assert outcome.error is None, outcome.error
    return outcome.data.get("result")


async def failed(run_steps: RunSteps, code: str, **options: Any) -> Outcome:
    """The outcome of a script that must fail."""
    outcome = await run_steps(script(code), **{"open_browser": False, **options})
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.message.startswith("JavaScript execution error: ")
    return outcome
