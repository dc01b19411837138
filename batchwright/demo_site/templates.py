"""The site's HTML files: one layout, whole pages, and fragments that repeat inside a page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Self

__all__ = ["Html", "Page", "Templates"]


class Html(str):
    """Text that is HTML already and must not be escaped again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its title and its content."""

    title: str
    body: Template

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a page file; its first line is ``<!-- title: The title -->``."""
        head, _, body = text.partition("\n")
        title = head.removeprefix("<!-- title:").removesuffix("-->").strip()
        return cls(title=title, body=Template(body))


class Templates:
    """All HTML files of the site, read once.

    ``$name`` in a file is replaced by the value of that name, escaped unless it is ``Html``.
    """

    def __init__(self, layout: str, pages: dict[str, Page], fragments: dict[str, Template]) -> None:
        self._layout = Template(layout)
        self._pages = pages
        self._fragments = fragments

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``layout.html`` and all files below ``pages`` and ``fragments``."""
        return cls(
            layout=(folder / "layout.html").read_text("utf-8"),
            pages={name: Page.parse(text) for name, text in _read_html(folder / "pages").items()},
            fragments={name: Template(text) for name, text in _read_html(folder / "fragments").items()},
        )

    def names_in(self, section: str) -> list[str]:
        """The pages below one folder of ``pages``, without the folder's name."""
        prefix = f"{section}/"
        return sorted(name.removeprefix(prefix) for name in self._pages if name.startswith(prefix))

    def page(self, name: str, frame: Mapping[str, object], values: Mapping[str, object]) -> str:
        """A whole page; ``frame`` holds the values of the layout, ``values`` those of the page.

        A page's title may contain values too.
        """
        page = self._pages[name]
        escaped = _escape(values)
        title = Template(page.title).substitute(escaped)
        content = Html(page.body.substitute(escaped))
        return self._layout.substitute(_escape(frame), title=title, content=content)

    def bare(self, name: str) -> str:
        """A page without the layout around it, for frames."""
        return self._pages[name].body.substitute()

    def fragment(self, name: str, /, **values: object) -> Html:
        """A piece of a page."""
        return Html(self._fragments[name].substitute(_escape(values)))


def _read_html(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*.html"))
    }


def _escape(values: Mapping[str, object]) -> dict[str, str]:
    return {
        name: value if isinstance(value, Html) else html.escape(str(value)) for name, value in values.items()
    }
