"""The scripts with which the extractor nodes read a page, each in one round trip (nodes.md, ``smartExtractor``)."""

from __future__ import annotations

from typing import Final

__all__ = ["FIRST_VALUE", "IMAGES", "LINKS", "REPEATED_ITEMS", "REPEATING", "ROWS", "TABLE"]

_VISIBLE: Final = """element => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility === 'visible';
  }"""
"""Whether an element can be seen, as Playwright understands it."""

_VALUE: Final = """(element, field) => {
    if (field.extract === 'innerHTML') return element.innerHTML;
    if (field.extract !== 'attribute') return element.textContent;
    return field.attribute ? element.getAttribute(field.attribute) : null;
  }"""
"""What of an element a field wants."""

ROWS: Final = f"""(containers, {{fields, limit}}) => {{
  const value = {_VALUE};
  const others = new Set();
  const byXpath = (container, path) => {{
    const found = document.evaluate(path, container, null, XPathResult.FIRST_ORDERED_NODE_TYPE, null);
    const node = found.singleNodeValue;
    return node?.nodeType === Node.ELEMENT_NODE ? node : null;
  }};
  const hasShadow = container =>
    container.shadowRoot || [...container.querySelectorAll('*')].some(element => element.shadowRoot);
  const read = (container, field, index, shadow) => {{
    try {{
      if (field.engine === 'xpath') {{
        const found = byXpath(container, field.selector);
        return found && value(found, field);
      }}
      if (field.engine === 'css' && !shadow) {{
        const found = container.querySelector(field.selector);
        return found && value(found, field);
      }}
    }} catch {{
      // A selector that only Playwright understands.
    }}
    others.add(index);
    return null;
  }};
  const chosen = limit > 0 ? containers.slice(0, limit) : containers;
  const rows = chosen.map(container => {{
    const shadow = hasShadow(container);
    return fields.map((field, index) => read(container, field, index, shadow));
  }});
  return {{rows, others: [...others]}};
}}"""
"""One array of values for each container, and the fields that only Playwright can look up."""

FIRST_VALUE: Final = f"""(elements, field) => {{
  const value = {_VALUE};
  return elements.length ? value(elements[0], field) : null;
}}"""
"""The value of the first element that Playwright found."""

LINKS: Final = f"""(links, {{limit, metadata}}) => {{
  const visible = {_VISIBLE};
  return (limit > 0 ? links.slice(0, limit) : links).map(link => ({{
    text: link.textContent.trim(),
    href: link.getAttribute('href'),
    ...(metadata ? {{visible: visible(link), tagName: link.tagName}} : {{}}),
  }}));
}}"""
"""The links of a page."""

IMAGES: Final = """(images, {limit, metadata}) =>
  (limit > 0 ? images.slice(0, limit) : images).map(image => ({
    src: image.getAttribute('src'),
    alt: image.getAttribute('alt'),
    ...(metadata
      ? {
          width: image.getAttribute('width'),
          height: image.getAttribute('height'),
          naturalWidth: image.naturalWidth,
          naturalHeight: image.naturalHeight,
        }
      : {}),
  }))"""
"""The images of a page."""

TABLE: Final = """(tables, {index, limit}) => {
  const table = tables[index];
  if (!table) return {count: tables.length, rows: null};
  const text = cell => cell.textContent.trim();
  // A cell that spans several columns stands in the first of them.
  const columns = row => {
    let column = 0;
    return [...row.cells].map(cell => {
      const place = [column, text(cell)];
      column += cell.colSpan;
      return place;
    });
  };
  const heads = table.tHead ? [...table.tHead.rows] : [];
  const widest = Math.max(0, ...heads.map(row => row.cells.length));
  const first = table.rows[0];
  const headRow = heads.find(row => row.cells.length === widest && widest > 0)
    ?? (first && [...first.cells].some(cell => cell.tagName === 'TH') ? first : undefined);
  const names = new Map();
  const taken = new Map();
  for (const [column, name] of headRow ? columns(headRow) : []) {
    if (!name) continue;
    const times = (taken.get(name) ?? 0) + 1;
    taken.set(name, times);
    names.set(column, times > 1 ? `${name}_${times}` : name);
  }
  const body = [...table.rows].filter(row =>
    !heads.includes(row) && [...row.cells].some(cell => cell.tagName === 'TD'));
  const rows = (limit > 0 ? body.slice(0, limit) : body).map(row =>
    Object.fromEntries(columns(row).map(([column, value]) => [names.get(column) ?? `column_${column}`, value])));
  return {count: tables.length, rows};
}"""
"""The rows of one table, and how many tables there are."""

REPEATING: Final = "ul, ol, div, section, main, tbody, [role=list]"
"""The elements whose children may be repeated items."""

REPEATED_ITEMS: Final = f"""(parents, {{limit}}) => {{
  const visible = {_VISIBLE};
  const structure = element => [element, ...element.children].map(part => part.tagName).join(' ');
  let largest = [];
  for (const parent of parents) {{
    const groups = new Map();
    for (const child of parent.children) {{
      if (!visible(child)) continue;
      const key = structure(child);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(child);
    }}
    for (const group of groups.values()) if (group.length >= 3 && group.length > largest.length) largest = group;
  }}
  if (!largest.length) return [];
  const part = (item, selector) => item.matches(selector) ? item : item.querySelector(selector);
  const attribute = (selector, name) => item => part(item, selector)?.getAttribute(name) ?? null;
  const text = selector => item => part(item, selector)?.textContent.trim() ?? null;
  const [LINK, IMAGE, HEADING] = ['a[href]', 'img', 'h1, h2, h3, h4, h5, h6'];
  const readers = {{}};
  if (part(largest[0], LINK)) Object.assign(readers, {{linkText: text(LINK), linkHref: attribute(LINK, 'href')}});
  if (part(largest[0], IMAGE)) {{
    Object.assign(readers, {{imageSrc: attribute(IMAGE, 'src'), imageAlt: attribute(IMAGE, 'alt')}});
  }}
  if (part(largest[0], HEADING)) readers.heading = text(HEADING);
  if (!Object.keys(readers).length) readers.text = item => item.textContent.trim();
  return (limit > 0 ? largest.slice(0, limit) : largest).map(item =>
    Object.fromEntries(Object.entries(readers).map(([name, read]) => [name, read(item)])));
}}"""
"""The items of the largest group of children that look alike."""
