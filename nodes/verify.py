"""The verify node (nodes.md, section G and ``verify``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import ClassVar

from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import VerificationError
from nodes.operation import perform
from nodes.registry import NodeType
from nodes.selectors import selector_problems
from nodes.verify_browser import BROWSER_CHECKS
from nodes.verify_model import VERIFICATION_TYPES, Finding, VerifyData
from nodes.verify_stored import API_CHECKS, DATABASE_CHECKS, StoredCheck

__all__ = ["Verify"]

_Check = Callable[[NodeRun, VerifyData], Awaitable[Finding]]


class Verify(NodeType[VerifyData]):
    """Check the page, a stored API response or a stored query result; fail if the check does not hold.

    Element checks are repeated until they hold or `timeout` is over. Checks of a content (URL, text, attribute,
    form field, style, cookie, storage) are repeated for at most 5 seconds once the element is there. Checks
    on stored data look once.
    """

    name: ClassVar = "verify"
    title: ClassVar = "Verify"
    category: ClassVar = "verification"
    reads: ClassVar = ("<apiContextKey>", "<dbContextKey>")
    writes: ClassVar = ("verificationResult",)

    def touches_page(self, data: VerifyData) -> bool:
        """Only checks of the domain ``browser`` look at the page."""
        return data.domain == "browser"

    def advise(self, values: Mapping[str, object]) -> list[str]:
        """Name a selector that cannot be understood."""
        return selector_problems(values) if values.get("domain") == "browser" else []

    async def run(self, data: VerifyData, run: NodeRun) -> None:
        """Check, retry as configured, and store the result."""
        choose(VERIFICATION_TYPES, data.domain, "domain")
        check = choose(_CHECKS[data.domain or ""], data.verification_type, "verificationType")
        operation = partial(_verify, check, data, run)
        if data.domain == "api":
            await operation()
        else:
            await perform(run, data, operation)


async def _verify(check: _Check, data: VerifyData, run: NodeRun) -> None:
    finding = await check(run, data)
    if finding.passed or data.fail_silently:
        run.data["verificationResult"] = finding.result(data)
    if not finding.passed:
        raise VerificationError(finding.message)
    run.result = finding.message


def _looking_once(check: StoredCheck) -> _Check:
    async def look(run: NodeRun, data: VerifyData) -> Finding:
        return check(run, data)

    return look


_CHECKS: Mapping[str, Mapping[str, _Check]] = {
    "browser": BROWSER_CHECKS,
    "api": {name: _looking_once(check) for name, check in API_CHECKS.items()},
    "database": {name: _looking_once(check) for name, check in DATABASE_CHECKS.items()},
}
