"""Accessibility snapshots of a page (workflow-format.md, section 15).

The tree comes from Chromium's accessibility domain; other browsers give a flat list of the elements that
matter, under a ``WebArea`` root named after the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from playwright.async_api import Page

__all__ = ["accessibility_snapshot"]

_FLAT_LIST: Final = """() => [...document.querySelectorAll(
  'a[href],button,input,textarea,select,[role],h1,h2,h3,h4,h5,h6,nav,main,header,footer,article')].map(e => {
    const tag = e.tagName.toLowerCase(), heading = /^h([1-6])$/.exec(tag);
    const item = {role: e.getAttribute('role') || (heading ? 'heading' : tag),
      name: (e.getAttribute('aria-label') || e.innerText || e.getAttribute('name') || '').trim().slice(0, 200)};
    if (heading) item.level = Number(heading[1]);
    if ('value' in e && e.type !== 'password') item.value = String(e.value);
    return item; })"""

_SKIPPED_ROLES: Final = frozenset({"InlineTextBox", "none", "generic", "LineBreak"})


async def accessibility_snapshot(page: Page) -> dict[str, object]:
    """The page's accessibility tree as ``{role?, name?, value?, level?, children?}``."""
    browser = page.context.browser
    if browser is not None and browser.browser_type.name == "chromium":
        session = await page.context.new_cdp_session(page)
        try:
            answer = await session.send("Accessibility.getFullAXTree")
        finally:
            await session.detach()
        return _tree(answer["nodes"])
    return {"role": "WebArea", "name": await page.title(), "children": await page.evaluate(_FLAT_LIST)}


def _tree(nodes: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    by_id = {node["nodeId"]: node for node in nodes}
    built: dict[str, list[dict[str, object]]] = {}
    for node in reversed(_parents_first(nodes, by_id)):
        children = [item for child in node.get("childIds", ()) for item in built.pop(child, ())]
        role = str(node.get("role", {}).get("value", ""))
        if node.get("ignored") or role in _SKIPPED_ROLES:
            built[node["nodeId"]] = children
        else:
            built[node["nodeId"]] = [_item(node, role, children)]
    roots = built.get(nodes[0]["nodeId"], []) if nodes else []
    return roots[0] if len(roots) == 1 else {"role": "WebArea", "name": "", "children": roots}


def _parents_first(
    nodes: Sequence[Mapping[str, Any]], by_id: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    ordered, pending = [], [nodes[0]["nodeId"]] if nodes else []
    while pending:
        node = by_id.get(pending.pop())
        if node is not None:
            ordered.append(node)
            pending += node.get("childIds", ())
    return ordered


def _item(node: Mapping[str, Any], role: str, children: list[dict[str, object]]) -> dict[str, object]:
    item: dict[str, object] = {"role": "WebArea" if role == "RootWebArea" else role}
    for key in ("name", "value"):
        value = node.get(key, {}).get("value")
        if value not in (None, ""):
            item[key] = value
    for entry in node.get("properties", ()):
        if entry.get("name") == "level":
            item["level"] = entry["value"].get("value")
    if children and role != "StaticText":
        item["children"] = children
    return item
