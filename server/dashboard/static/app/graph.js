// The workflow as a picture: nodes with their state, moved and scaled by mouse, touch and keys.

import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { CARD, collapsed, kindOf, layoutOf, modelOf, neighbour, typeTitle } from "./graph_model.js";
import { Button } from "./parts/controls.js";
import { Icon, WORDS } from "./parts/status.js";
import { formatDuration } from "./parts/time.js";

const PAD = 28;
const READABLE = 0.58;
const LARGEST = 2.4;
const SMALLEST = 0.06;
const STEP = 1.25;
const MINIMAP_FROM = 80;
const TITLE_PX = 142;
const COARSE_PX = 60;
const TOOLS_PX = 36;
const DRAG_PX = 5;

const KIND_ICONS = {
  start: "M6 4.2 12.4 8 6 11.8Z", browser: "M2 3.2h12v9.6H2ZM2 6.2h12M4 4.7v.01M5.8 4.7v.01",
  camera: "M2 5h2.8l1-1.6h4.4l1 1.6H14v7.4H2ZM8 6.6a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z", pointer: "M4 3l8.6 4.2-3.6 1.2-1.4 3.6Z",
  typing: "M2.4 4.4h11.2v7.2H2.4ZM5 6.8v2.4M4.2 6.8h1.6M4.2 9.2h1.6", wait: "M8 2.4a5.6 5.6 0 1 1 0 11.2A5.6 5.6 0 0 1 8 2.4ZM8 5v3.2l2 1.4",
  loop: "M12.8 6A5.2 5.2 0 0 0 3.4 5.4M3.2 10a5.2 5.2 0 0 0 9.4.6M3.4 2.6v2.8h2.8M12.6 13.4v-2.8H9.8",
  branch: "M3 8h3.4M6.4 8c2.6 0 2-4 5.4-4M6.4 8c2.6 0 2 4 5.4 4M10.4 2.6 12 4l-1.6 1.4M10.4 10.6 12 12l-1.6 1.4",
  flow: "M2.6 2.6h4v4h-4ZM9.4 9.4h4v4h-4ZM6.6 4.6h4.8v4.8", verify: "M8 1.8l5 1.8v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4ZM5.8 8l1.6 1.7 3-3.3",
  api: "M4.6 12.2a2.8 2.8 0 0 1-.2-5.6 3.8 3.8 0 0 1 7.4.6 2.5 2.5 0 0 1-.3 5Z", database: "M3.4 4.2c0-2.2 9.2-2.2 9.2 0s-9.2 2.2-9.2 0ZM3.4 4.2v7.6c0 2.2 9.2 2.2 9.2 0V4.2M3.4 8c0 2.2 9.2 2.2 9.2 0",
  message: "M2.2 4h11.6v8H2.2ZM2.4 4.2 8 8.6l5.6-4.4", code: "M5.4 4.8 2.4 8l3 3.2M10.6 4.8l3 3.2-3 3.2M9 3.8 7 12.2",
  value: "M4 4.4V3.6h8v.8M8 3.6v8.8M6.4 12.4h3.2", note: "M3 3h10v7l-3 3H3ZM13 10h-3v3", file: "M4 2.2h5.2L12.2 5v8.8H4ZM9 2.4V5.2h3M6 8.2h4.2M6 10.6h4.2",
  person: "M8 2.6a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2ZM3 13.4c.4-3 2.4-4.2 5-4.2s4.6 1.2 5 4.2",
  other: "M8 3.2 12.2 5.6v4.8L8 12.8l-4.2-2.4V5.6Z",
};

/**
 * A workflow.
 *
 * @param {{document: object, states?: Map<string, import("./results.js").NodeState>, selected?: ?string,
 *   onSelect?: (id: string) => void, breakpoints?: Map<string, object>, onBreakpoint?: (id: string) => void,
 *   current?: ?string, label?: string}} given Without `onBreakpoint` none can be set.
 */
export function Graph({ document, states = NONE, selected = null, onSelect, breakpoints = NONE, onBreakpoint, current = null, label = "Workflow" }) {
  const box = useRef(null);
  const size = useSize(box);
  const [open, setOpen] = useState(() => new Set());
  const [isFolded, setFolded] = useState(true);
  const model = useMemo(() => collapsed(modelOf(document), open), [document, open]);
  const width = isFolded && size ? coarse(size.width) : 0;
  const height = isFolded && size ? coarse(size.height) : 0;
  const layout = useMemo(() => layoutOf(model, width ? { width, height } : null), [model, width, height]);
  const { view, move, zoom, fit, isFit } = useView(layout, size, current && groupOf(layout, current));
  const [focus, setFocus] = useState(null);
  const dragged = useDrag(box, view, size, move, zoom);
  const shapes = useRef(new Map());

  const choose = (id) => {
    if (dragged.current) return;
    if (layout.byId.get(id)?.members) setOpen(new Set([...open, id]));
    else onSelect?.(id);
  };
  const onKeyDown = (event) => {
    const id = event.target.closest?.("[data-node]")?.dataset.node;
    const next = id && event.key.startsWith("Arrow") && !event.ctrlKey ? neighbour(layout, id, event.key) : null;
    const run = next ? () => focusNode(box.current, next, setFocus)
      : { "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), 0: fit, b: id && onBreakpoint && (() => onBreakpoint(id)),
        Enter: id && (() => choose(id)), " ": id && (() => choose(id)) }[event.key];
    if (!run || event.metaKey || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  };
  const reachable = layout.byId.has(focus) ? focus : layout.byId.has(selected) ? selected : layout.nodes[0]?.id;
  const cards = layout.nodes.map((node) => {
    const state = node.members ? ofGroup(node, states) : states.get(node.id);
    const breakpoint = breakpoints.get(node.id);
    const isHere = node.id === current;
    const deps = [node, state?.status, state?.runs, state?.totalMs, node.id === selected, node.id === reachable, breakpoint, isHere, Boolean(onBreakpoint)];
    const known = shapes.current.get(node.id);
    if (known && known.deps.every((item, index) => item === deps[index])) return known.shape;
    const shape = html`<${Card} key=${node.id} node=${node} state=${state} isSelected=${node.id === selected} isReachable=${node.id === reachable}
      breakpoint=${breakpoint} canBreak=${Boolean(onBreakpoint)} />`;
    shapes.current.set(node.id, { deps, shape });
    return shape;
  });
  const onClick = (event) => {
    const id = event.target.closest("[data-node]")?.dataset.node;
    if (!id) return;
    if (onBreakpoint && event.target.closest(".gnode-gutter") && !layout.byId.get(id).members) onBreakpoint(id);
    else choose(id);
  };
  return html`<div class="graph" ref=${box} onKeyDown=${onKeyDown} role="group" aria-label=${label}>
    ${view && html`<svg class="graph-picture" viewBox=${`${view.x} ${view.y} ${view.width} ${view.height}`} onClick=${onClick}
        onFocusIn=${(event) => setFocus(event.target.closest("[data-node]")?.dataset.node ?? null)} role="presentation">
      <defs>${["", "done"].map((kind) => html`<marker id=${`arrow${kind}`} class=${`graph-arrow ${kind}`} viewBox="0 0 8 8" refX="7" refY="4"
        markerWidth="7" markerHeight="7" orient="auto"><path d="M0.6,0.8 7,4 0.6,7.2Z" /></marker>`)}</defs>
      <g>${layout.edges.map((edge) => html`<${Edge} key=${edge.id} edge=${edge} done=${isDone(edge, states, layout)} />`)}</g>
      <g>${cards}</g>
      <g>${layout.edges.filter((edge) => edge.label).map((edge) => html`<${EdgeLabel} key=${edge.id} edge=${edge} />`)}</g></svg>`}
    <div class="graph-tools">
      <${Button} small kind="ghost" icon="minus" label="Smaller" onClick=${() => zoom(1 / STEP)} />
      <${Button} small kind="ghost" icon="plus" label="Larger" onClick=${() => zoom(STEP)} />
      <${Button} small kind="ghost" icon="expand" label="Show all of it" pressed=${isFit} onClick=${fit} />
      <${Button} small kind="ghost" icon="fold" label="Fold long flows into lines" pressed=${isFolded} onClick=${() => setFolded(!isFolded)} />
      ${open.size > 0 && html`<${Button} small kind="ghost" onClick=${() => setOpen(new Set())}>Close groups<//>`}
    </div>
    ${view && layout.nodes.length > MINIMAP_FROM && html`<${Minimap} layout=${layout} states=${states} view=${view} move=${move} />`}
  </div>`;
}

const NONE = new Map();

function Card({ node, state, isSelected, isReachable, breakpoint, canBreak }) {
  const status = state?.status ?? "pending";
  const isOff = breakpoint && breakpoint.enabled === false;
  const words = [node.title, typeTitle(node.type), describe(state) || "not reached", node.data.bypass === true ? "bypassed" : "",
    breakpoint ? `breakpoint ${breakpoint.at === "pre" ? "before" : breakpoint.at === "post" ? "after" : "before and after"}${isOff ? ", off" : ""}` : ""];
  const kind = node.members ? "flow" : kindOf(node.type);
  const sub = node.members ? "Open to see them" : describe(state) || (node.title === typeTitle(node.type) ? hintOf(node.data) : typeTitle(node.type));
  return html`<g class="gnode" data-node=${node.id} data-status=${status} data-kind=${kind} transform=${`translate(${node.x} ${node.y})`} role="button"
      tabindex=${isReachable ? 0 : -1} aria-label=${words.filter(Boolean).join(", ")} aria-pressed=${isSelected ? "true" : "false"}>
    <title>${node.title}</title>
    ${node.members && html`<rect class="gnode-behind" x="5" y="5" width=${CARD.w} height=${CARD.h} rx="11" />`}
    <rect class="gnode-card" width=${CARD.w} height=${CARD.h} rx="11" />
    <g class="gnode-kind"><rect x="12" y="12" width="32" height="32" rx="8" /><path transform="translate(20 20)" d=${KIND_ICONS[kind]} /></g>
    <text class="gnode-title" x="54" y=${sub ? 25 : 33}>${clipped(node.title, TITLE_PX)}</text>
    <text class="gnode-sub" x="54" y="42">${clipped(sub, TITLE_PX + 14, 11.5)}</text>
    ${status !== "pending" && html`<g transform=${`translate(${CARD.w - 24} 9)`}><${Icon} name=${status} size=${15} /></g>`}
    ${(canBreak || breakpoint) && !node.members && html`<g class=${`gnode-gutter ${breakpoint ? "set" : ""} ${isOff ? "off" : ""}`}>
      <rect x="-15" y="10" width="26" height="36" /><circle cx="0" cy=${CARD.h / 2} r="6.5" />
      ${breakpoint?.condition && html`<path d=${`M-2.6 ${CARD.h / 2}h5.2M0 ${CARD.h / 2 - 2.6}v5.2`} />`}</g>`}
  </g>`;
}

function Edge({ edge, done }) {
  return html`<g class=${`gedge ${done ? "done" : ""} ${edge.isValue ? "value" : ""}`}>
    <path d=${edge.path} marker-end=${`url(#arrow${done ? "done" : ""})`} /></g>`;
}

function EdgeLabel({ edge }) {
  const text = clipped(edge.label, 110, 11);
  const width = widthOf(text, 11) + 12;
  return html`<g class="gedge" transform=${`translate(${edge.labelAt.x} ${edge.labelAt.y})`}>
    <rect x=${-width / 2} y="-9" width=${width} height="18" rx="9" /><text text-anchor="middle" y="4">${text}</text></g>`;
}

function Minimap({ layout, states, view, move }) {
  const jump = (event) => {
    const area = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - area.left) / area.width) * layout.width;
    const y = ((event.clientY - area.top) / area.height) * layout.height;
    move({ x: x - view.width / 2, y: y - view.height / 2 });
  };
  return html`<svg class="graph-map" viewBox=${`0 0 ${layout.width} ${layout.height}`} preserveAspectRatio="none" onClick=${jump} aria-hidden="true">
    ${layout.nodes.map((node) => html`<rect key=${node.id} data-status=${states.get(node.id)?.status ?? "pending"} x=${node.x} y=${node.y} width=${CARD.w} height=${CARD.h} rx="20" />`)}
    <rect class="graph-map-view" x=${view.x} y=${view.y} width=${view.width} height=${view.height} /></svg>`;
}

/** What a node's state is in words: "Passed · 1.2 s", "Failed, 2 of 5". */
export function describe(state) {
  if (!state) return "";
  const word = WORDS[state.status] ?? state.status;
  if (state.status === "running" && state.runs > 0) return `${word} · round ${state.runs + 1}`;
  if (state.runs === 0 || ["skipped", "bypassed", "paused", "suspended"].includes(state.status)) return word;
  const times = state.runs > 1 ? ` ×${state.runs}` : "";
  return `${word}${times} · ${formatDuration(state.totalMs)}`;
}

function hintOf(data) {
  const found = [data.url, data.selector, data.text, data.value, data.variableName].find((value) => typeof value === "string" && value.trim());
  return found ?? "";
}

function ofGroup(node, states) {
  const inner = node.members.map((id) => states.get(id)).filter(Boolean);
  if (inner.length === 0) return undefined;
  const status = ["failed", "suspended", "paused", "running"].find((word) => inner.some((state) => state.status === word));
  const all = inner.length === node.members.length;
  return { status: status ?? (all ? "completed" : "running"), runs: inner.length, totalMs: inner.reduce((sum, state) => sum + state.totalMs, 0) };
}

const groupOf = (layout, id) => (layout.byId.has(id) ? id : layout.nodes.find((node) => node.members?.includes(id))?.id ?? null);

function isDone(edge, states, layout) {
  const reached = (id) => {
    const node = layout.byId.get(id);
    const state = node.members ? ofGroup(node, states) : states.get(id);
    return Boolean(state) && state.status !== "skipped";
  };
  return reached(edge.source) && reached(edge.target);
}

/** The part of the picture that is seen; follows the current node until somebody moves it. */
function useView(layout, size, current) {
  const [moved, setMoved] = useState(null);
  const home = size ? homeView(layout, size, current) : null;
  const isHome = !moved || moved.layout !== layout;
  const view = isHome ? home : moved.view;
  const set = (next) => setMoved({ layout, view: next });
  useEffect(() => {
    if (isHome || !current || !view) return;
    const node = layout.byId.get(current);
    const isSeen = node.x >= view.x && node.y >= view.y && node.x + CARD.w <= view.x + view.width && node.y + CARD.h <= view.y + view.height;
    if (!isSeen) set({ ...view, x: node.x + CARD.w / 2 - view.width / 2, y: node.y + CARD.h / 2 - view.height / 2 });
  }, [current]);
  return {
    view, isFit: isHome, fit: () => setMoved(size && home ? { layout, view: whole(layout, size) } : null),
    move: (to) => view && set({ ...view, ...to }),
    zoom: (factor, at = null) => {
      if (!view) return;
      const scale = Math.min(LARGEST, Math.max(SMALLEST, (size.width / view.width) * factor));
      const width = size.width / scale;
      const height = size.height / scale;
      const x = at?.x ?? view.x + view.width / 2;
      const y = at?.y ?? view.y + view.height / 2;
      set({ x: x - ((x - view.x) * width) / view.width, y: y - ((y - view.y) * height) / view.height, width, height });
    },
  };
}

function homeView(layout, size, current) {
  const all = whole(layout, size);
  if (size.width / all.width >= READABLE) return all;
  const width = size.width / READABLE;
  const height = size.height / READABLE;
  const node = layout.byId.get(current) ?? layout.nodes[0];
  const within = (center, length, most) => (most <= length ? (most - length) / 2 : Math.max(-PAD, Math.min(most + PAD - length, center - length / 2)));
  return { x: within((node?.x ?? 0) + CARD.w / 2, width, layout.width), y: within((node?.y ?? 0) + CARD.h / 2, height, layout.height), width, height };
}

function whole(layout, size) {
  const room = size.height - TOOLS_PX;
  const scale = Math.min(1.1, size.width / (layout.width + 2 * PAD), room / (layout.height + 2 * PAD));
  const width = size.width / scale;
  const height = size.height / scale;
  return { x: (layout.width - width) / 2, y: (layout.height - room / scale) / 2, width, height };
}

/** Dragging moves the picture, pinching and the wheel with Ctrl scale it; the plain wheel scrolls the page. */
function useDrag(box, view, size, move, zoom) {
  const dragged = useRef(false);
  const latest = useRef(null);
  latest.current = { view, size, move, zoom };
  useEffect(() => {
    const area = box.current;
    const touches = new Map();
    let from = null;
    const zoomAt = (factor, x, y) => {
      const rect = area.getBoundingClientRect();
      const seen = latest.current.view;
      latest.current.zoom(factor, { x: seen.x + ((x - rect.left) / rect.width) * seen.width, y: seen.y + ((y - rect.top) / rect.height) * seen.height });
    };
    const onDown = (event) => {
      if (event.button !== 0 || event.target.closest(".graph-tools, .graph-map")) return;
      touches.set(event.pointerId, event);
      from = touches.size === 1 ? { x: event.clientX, y: event.clientY, view: latest.current.view } : null;
      dragged.current = touches.size > 1;
    };
    const onMove = (event) => {
      if (!touches.has(event.pointerId)) return;
      const before = spread(touches);
      touches.set(event.pointerId, event);
      const now = spread(touches);
      if (before && now) zoomAt(now.length / before.length, now.x, now.y);
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!dragged.current && Math.hypot(dx, dy) < DRAG_PX) return;
      dragged.current = true;
      const scale = from.view.width / latest.current.size.width;
      latest.current.move({ x: from.view.x - dx * scale, y: from.view.y - dy * scale });
    };
    const onUp = (event) => {
      touches.delete(event.pointerId);
      from = null;
      // The click that ends a drag comes after this.
      if (touches.size === 0) setTimeout(() => { dragged.current = false; });
    };
    const onWheel = (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomAt(Math.exp(-event.deltaY / 240), event.clientX, event.clientY);
    };
    area.addEventListener("pointerdown", onDown);
    addEventListener("pointermove", onMove);
    addEventListener("pointerup", onUp);
    addEventListener("pointercancel", onUp);
    area.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      removeEventListener("pointermove", onMove);
      removeEventListener("pointerup", onUp);
      removeEventListener("pointercancel", onUp);
      area.removeEventListener("pointerdown", onDown);
      area.removeEventListener("wheel", onWheel);
    };
  }, []);
  return dragged;
}

/** How far two fingers are apart, and where their middle is; null with another number of them. */
function spread(touches) {
  if (touches.size !== 2) return null;
  const [a, b] = touches.values();
  return { length: Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)), x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2 };
}

function useSize(box) {
  const [size, setSize] = useState(null);
  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = box.current;
      setSize((old) => (width < 2 || (old?.width === width && old.height === height) ? old : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** Sizes of boxes are told apart in steps, so that resizing does not lay out anew all the time. */
const coarse = (length) => Math.max(COARSE_PX, Math.round(length / COARSE_PX) * COARSE_PX);

function focusNode(area, id, setFocus) {
  setFocus(id);
  area.querySelector(`[data-node="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
}

const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map();

function widthOf(text, px = 13) {
  const key = `${px}|${text}`;
  if (!widths.has(key)) {
    ruler.font = `${px > 12 ? 600 : 500} ${px}px system-ui, sans-serif`;
    if (widths.size > 5000) widths.clear();
    widths.set(key, ruler.measureText(text).width);
  }
  return widths.get(key);
}

function clipped(text, most, px = 13) {
  if (widthOf(text, px) <= most) return text;
  let length = text.length;
  while (length > 1 && widthOf(`${text.slice(0, length)}…`, px) > most) length -= 1;
  return `${text.slice(0, length).trimEnd()}…`;
}
