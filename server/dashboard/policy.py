"""What the dashboard's pages may load and do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["PAGE_HEADERS", "POLICY"]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but this server's own files: no inline script or style, no other host, no frame."""

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    # With no referrer at all a browser sends its forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
}
"""What goes with each page."""
