"""The properties of a verify node, and what one of its checks finds (nodes.md, section G and ``verify``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from nodes.blocks import RetryBlock, SelectorBlock, TimeoutBlock
from nodes.matching import js_text, json_text
from nodes.model import INTERPOLATED, REQUIRED, Flag, Mark, OneOf, Text

__all__ = [
    "COMPARISONS",
    "ELEMENT_CHECKS",
    "MATCH_TYPES",
    "RESOLVED",
    "VERIFICATION_TYPES",
    "Finding",
    "VerifyData",
    "shown",
]

MATCH_TYPES: Final = ("equals", "contains", "startsWith", "endsWith", "regex")
"""Ways to compare texts (nodes.md, section F.3)."""

COMPARISONS: Final = ("equals", "greaterThan", "lessThan", "greaterThanOrEqual", "lessThanOrEqual")
"""Ways to compare numbers."""

ELEMENT_CHECKS: Final = (
    "visible",
    "hidden",
    "exists",
    "notExists",
    "count",
    "enabled",
    "disabled",
    "selected",
    "checked",
)
"""What can be asked of an element."""

VERIFICATION_TYPES: Final = {
    "browser": ("url", "text", "element", "attribute", "formField", "cookie", "storage", "css"),
    "api": ("status", "header", "bodyPath", "bodyValue"),
    "database": ("rowCount", "columnValue", "rowExists", "queryResult"),
}
"""The checks of each domain."""

RESOLVED: Final = Mark("resolved")
"""A reference becomes the value it stands for, with its type (nodes.md, section G.1)."""

_SHOWN_CHARACTERS: Final = 200
"""How much of a value a message shows."""


class VerifyData(SelectorBlock, RetryBlock, TimeoutBlock):
    """What to check, where, and what to expect. Which properties count depends on the check."""

    domain: Annotated[Text, REQUIRED, OneOf(*VERIFICATION_TYPES)] = None
    """Where to look: the page, a stored API response or a stored query result."""
    verification_type: Annotated[
        Text, REQUIRED, OneOf(*(name for names in VERIFICATION_TYPES.values() for name in names))
    ] = None
    """The check; each domain has its own."""
    match_type: Annotated[Text, OneOf(*MATCH_TYPES)] = None
    """How texts are compared; `contains` for `url` and `text`, else `equals`."""
    case_sensitive: Flag = False
    """Whether upper and lower case differ (page text, API, `columnValue` and `queryResult`)."""
    comparison_operator: Annotated[Text, OneOf(*COMPARISONS)] = "equals"
    """How numbers are compared (element `count`, `rowCount`)."""
    expected_value: Annotated[Any, RESOLVED] = None
    """What to expect; a check for mere existence needs none."""
    url_pattern: Annotated[Any, RESOLVED] = None
    """Expected URL, for `url`."""
    expected_text: Annotated[Any, RESOLVED] = None
    """Expected text of the element, or of the whole page without `selector`, for `text`."""
    element_check: Annotated[Text, OneOf(*ELEMENT_CHECKS)] = "visible"
    """What is asked of the element, for `element`."""
    attribute_name: Annotated[Text, INTERPOLATED] = None
    """Name of the attribute, for `attribute`."""
    cookie_name: Text = None
    """Name of the cookie, for `cookie`."""
    storage_type: Annotated[Text, OneOf("local", "session")] = "local"
    """Local or session storage, for `storage`."""
    storage_key: Text = None
    """Key in the storage, for `storage`."""
    css_property: Text = None
    """Name of the style property, for `css`."""
    api_context_key: Text = "apiResponse"
    """Key of `data` with the response, for the domain `api`."""
    status_code: Annotated[Any, RESOLVED] = None
    """Expected status, a number or its text, for `status`."""
    header_name: Text = None
    """Name of the header in any case, for `header`."""
    json_path: Text = None
    """Dot path, for `bodyPath`, and into the cell or the rows for `columnValue` and `queryResult`."""
    db_context_key: Text = "dbResult"
    """Key of `data` with the query result, for the domain `database`."""
    column_name: Annotated[Any, RESOLVED] = None
    """Name of the column, for `columnValue`."""
    row_index: Annotated[Any, RESOLVED] = None
    """Row, counted from 0 (the default), for `columnValue`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found out.

    Attributes:
        passed: Whether the check holds.
        subject: What was looked at, such as ``text of '#title'``.
        expectation: What should hold, as it follows "should".
        actual: The value found.
        expected: The value wanted, None for checks of mere existence.
        reason: Why it does not hold, when "but is ..." does not say it.
        final: Checking again cannot help.
    """

    passed: bool
    subject: str
    expectation: str
    actual: object = None
    expected: object = None
    reason: str | None = None
    final: bool = field(default=False, compare=False)

    @property
    def message(self) -> str:
        """What was checked, what was expected, and what was found."""
        if self.passed:
            return f"Verified: {self.subject} should {self.expectation}"
        reason = self.reason or f"but is {shown(self.actual)}"
        return f"Verification failed: {self.subject} should {self.expectation}, {reason}"

    def result(self, data: VerifyData) -> dict[str, object]:
        """The object stored as ``data.verificationResult`` (nodes.md, section G.2)."""
        details = {
            "selector": data.selector,
            "elementCheck": data.element_check if data.verification_type == "element" else None,
            "matchType": data.match_type,
            "subject": self.subject,
        }
        return {
            "passed": self.passed,
            "message": self.message,
            "domain": data.domain,
            "type": data.verification_type,
            "actualValue": self.actual,
            "expectedValue": self.expected,
            "details": {key: value for key, value in details.items() if value},
        }


def shown(value: object) -> str:
    """A value as messages show it: texts in quotes, all of it cut to a readable length."""
    text = json_text(value) if isinstance(value, dict | list) else js_text(value)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "…"
    return f"'{text}'" if isinstance(value, str) else text
