"""Harbor Supply, the demo shop that the example workflows run against.

The pages are plain files in ``examples/site``; this package serves them. Everything a visitor changes lives in
that visitor's session, so any number of workflows may use one server at the same time.
"""

from __future__ import annotations

from batchwright.demo_site.server import build_site, serve_site

__all__ = ["build_site", "serve_site"]
