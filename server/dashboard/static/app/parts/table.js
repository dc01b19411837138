// A table that keeps only the rows in sight in the document, with sorting, a cursor and a selection.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/ui.js";
import { Icon } from "./status.js";
import { useKeys } from "./keys.js";

const SPARE_ROWS = 8;
const HEAD_PX = 36;

/** @typedef {{id: string, title: string, width: string, render: (row: any) => any, sort?: (row: any) => any,
 *   end?: boolean, wideOnly?: boolean, narrow?: string, head?: any}} Column */

/**
 * Rows of equal height.
 *
 * @param {{label: string, columns: Column[], rows: any[], keyOf: (row: any) => string, rowPx?: number,
 *   sort?: string, onSort?: (sort: string) => void, onOpen?: (row: any) => void, most?: string,
 *   selection?: Set<string>, onSelect?: (ids: Set<string>) => void, rowStatus?: (row: any) => string}} given
 *   `sort` is a column's id, with "-" before it for descending; `selection` adds boxes to tick.
 */
export function Table(given) {
  const { label, rows, keyOf, rowPx = 44, onOpen, selection, onSelect, most = "calc(100dvh - 300px)" } = given;
  const scroll = useRef(null);
  const [span, setSpan] = useState({ first: 0, count: 30 });
  const [cursor, setCursor] = useState(-1);
  const columns = selection ? [selectColumn(given), ...given.columns] : given.columns;
  const narrow = useNarrow();
  const shown = columns.filter((column) => !(narrow && column.wideOnly));

  const measure = () => {
    const box = scroll.current;
    if (!box) return;
    const first = Math.max(0, Math.floor(box.scrollTop / rowPx) - SPARE_ROWS);
    const count = Math.ceil(box.clientHeight / rowPx) + 2 * SPARE_ROWS;
    setSpan((old) => (old.first === first && old.count === count ? old : { first, count }));
  };
  useLayoutEffect(measure, [rows.length, rowPx]);
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    observer.observe(scroll.current);
    return () => observer.disconnect();
  }, []);

  const move = (to) => {
    const place = Math.max(0, Math.min(rows.length - 1, to));
    setCursor(place);
    const box = scroll.current;
    const top = place * rowPx;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowPx + HEAD_PX > box.scrollTop + box.clientHeight) box.scrollTop = top + rowPx + HEAD_PX - box.clientHeight;
  };
  const toggle = (row) => onSelect?.(toggled(selection, keyOf(row)));
  // Arrows move the cursor only within the table: elsewhere they scroll.
  const isMove = (event) => rows.length > 0 && (event.key.length === 1 || scroll.current.contains(event.target));
  useKeys([
    { keys: ["j", "ArrowDown"], text: "Next row", group: "Table", run: () => move(cursor + 1), when: isMove },
    { keys: ["k", "ArrowUp"], text: "Previous row", group: "Table", run: () => move(cursor - 1), when: isMove },
    { keys: ["Enter", "o"], text: "Open the row", group: "Table", run: () => onOpen?.(rows[cursor]), when: () => Boolean(onOpen && rows[cursor]) },
    ...(onSelect ? [{ keys: [" ", "x"], text: "Select the row", group: "Table", run: () => toggle(rows[cursor]), when: () => Boolean(rows[cursor]) }] : []),
  ]);

  const draw = (row, place) => {
    const key = keyOf(row);
    const classes = `grid-row${place === cursor ? " cursor" : ""}${selection?.has(key) ? " selected" : ""}`;
    return html`<div key=${key} class=${classes} role="row" aria-rowindex=${place + 2} data-status=${given.rowStatus?.(row)}
      style=${{ height: `${rowPx}px`, transform: `translateY(${place * rowPx}px)` }} onClick=${() => setCursor(place)}
      onDblClick=${() => onOpen?.(row)}>
      ${shown.map((column) => html`<div key=${column.id} role="cell" class=${column.end ? "end num" : "clip"}>${column.render(row)}</div>`)}</div>`;
  };
  const drawn = useKept();
  const visible = rows.slice(span.first, span.first + span.count);
  const template = shown.map((column) => (narrow && column.narrow) || column.width).join(" ");
  return html`<div class="grid-table card" style=${{ "--columns": template }}>
    <div ref=${scroll} class="grid-scroll" style=${{ maxHeight: `max(320px, ${most})` }} onScroll=${measure} tabindex="0" role="table" aria-label=${label}
      aria-rowcount=${rows.length + 1}>
      <div role="rowgroup"><div class="grid-head" role="row" aria-rowindex="1">${shown.map((column) => html`<${Head} key=${column.id} column=${column} ...${given} />`)}</div></div>
      <div class="grid-body" role="rowgroup" style=${{ height: `${rows.length * rowPx}px` }}>
        ${drawn(visible.map((row, index) => [row, span.first + index]), draw, (row, place) => [place, place === cursor, selection, given.columns, narrow, rowPx])}
      </div></div></div>`;
}

/** Draws things anew only if they, or what `facts` says of them, changed: few rows do while thousands of events come. */
function useKept() {
  const last = useRef(new Map());
  return (items, draw, facts) => {
    const next = new Map();
    for (const [item, place] of items) {
      const given = facts(item, place);
      const known = last.current.get(item);
      const same = known && known.given.every((value, index) => value === given[index]);
      next.set(item, same ? known : { given, drawn: draw(item, place) });
    }
    last.current = next;
    return [...next.values()].map((entry) => entry.drawn);
  };
}

/** Rows in the order that `sort` names; what has no value comes last. */
export function sorted(rows, columns, sort) {
  const descending = sort?.startsWith("-");
  const column = columns.find((item) => item.id === sort?.replace(/^-/, ""));
  if (!column?.sort) return rows;
  const values = new Map(rows.map((row) => [row, column.sort(row)]));
  return rows.toSorted((a, b) => {
    const [left, right] = [values.get(a), values.get(b)];
    if (left === right) return 0;
    if (left === null || left === undefined) return 1;
    if (right === null || right === undefined) return -1;
    return (left < right ? -1 : 1) * (descending ? -1 : 1);
  });
}

function Head({ column, sort = "", onSort }) {
  const order = sort === column.id ? "ascending" : sort === `-${column.id}` ? "descending" : "none";
  const next = order === "ascending" ? `-${column.id}` : order === "descending" ? "" : column.id;
  const words = column.head ?? column.title;
  return html`<div role="columnheader" class=${column.end ? "end" : ""} aria-sort=${column.sort && onSort ? order : undefined}>
    ${column.sort && onSort
      ? html`<button type="button" onClick=${() => onSort(next)}>${words}${order !== "none" && html`<${Icon} name=${order === "ascending" ? "up" : "down"} size=${12} />`}</button>`
      : words}</div>`;
}

function selectColumn({ rows, keyOf, selection, onSelect }) {
  const all = rows.length > 0 && rows.every((row) => selection.has(keyOf(row)));
  const some = !all && selection.size > 0;
  return {
    id: "select", title: "", width: "18px",
    head: html`<input type="checkbox" class="checkbox" checked=${all} indeterminate=${some} aria-label="Select all that are shown"
      onChange=${() => onSelect(all ? new Set() : new Set(rows.map(keyOf)))} />`,
    render: (row) => html`<input type="checkbox" class="checkbox" checked=${selection.has(keyOf(row))} tabindex="-1"
      aria-label=${`Select ${row.workflowPath ?? keyOf(row)}`} onChange=${() => onSelect(toggled(selection, keyOf(row)))} />`,
  };
}

function toggled(selection, key) {
  const next = new Set(selection);
  if (!next.delete(key)) next.add(key);
  return next;
}

/** Whether the page is narrow; follows changes. */
export function useNarrow(query = "(max-width: 720px)") {
  const [narrow, setNarrow] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const onChange = () => setNarrow(list.matches);
    list.addEventListener("change", onChange);
    return () => list.removeEventListener("change", onChange);
  }, []);
  return narrow;
}
