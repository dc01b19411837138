// A workflow document as a picture: nodes with places, edges with paths. Pure functions, nothing but data.
//
// Places come from the file. Where they are missing or overlap, dagre finds them. A flow that is much longer than the
// box it is shown in is folded into lines, as text is. Layouts are kept by topology, so events never lay out anew.

import { dagre } from "../vendor/ui.js";

/** @typedef {{id: string, type: string, title: string, data: object, x: number, y: number, placed: boolean,
 *   members?: string[]}} GraphNode */
/** @typedef {{id: string, source: string, target: string, label: string, isValue: boolean}} GraphEdge */
/** @typedef {{nodes: GraphNode[], edges: GraphEdge[], key: string}} Model */
/** @typedef {{nodes: (GraphNode & {line: number})[], edges: (GraphEdge & {path: string, labelAt: {x: number, y: number}})[],
 *   width: number, height: number, byId: Map<string, GraphNode>}} Layout */

export const CARD = { w: 228, h: 56 };
const GAP = { x: 52, y: 30 };
const LINE_GAP = 56;
const LABEL_STEP = 72;
const MOST_SHOWN = 300;
const CHAIN_FROM = 4;
const MOST_KEPT = 24;
const MOST_LINES = 60;
const LARGE_ENOUGH = 1;

const TITLES = {
  apiCurl: "API Curl", apiRequest: "API Request", javascriptCode: "JavaScript", csvHandle: "CSV Handle", intValue: "Integer Value",
  "setConfig.setConfig": "Set Config", "switch.switch": "Switch", "reusable.reusable": "Reusable Flow", "reusable.end": "Flow End",
  "reusable.runReusable": "Run Reusable Flow", "comment-box.comment": "Comment", "shortcut.shortcut": "Shortcut",
  iframe: "Iframe",
};

const KINDS = [
  [/^start$/, "start"], [/^(openBrowser|navigation|contextManipulate|iframe|dialog|download|storage)$/, "browser"],
  [/^screenshot$/, "camera"], [/^(action|elementQuery|scroll)$/, "pointer"], [/^(type|formInput|keyboard)$/, "typing"],
  [/^wait$/, "wait"], [/^loop$/, "loop"], [/^switch/, "branch"], [/^(reusable|subWorkflow)/, "flow"], [/^(approvalGate|askHuman)$/, "person"], [/^verify$/, "verify"],
  [/^(api|webhook)/, "api"], [/^db/, "database"], [/^(email|slack)$/, "message"], [/^(javascriptCode|playwright)$/, "code"],
  [/Value$/, "value"], [/^(comment-box|shortcut)/, "note"], [/Config|csv|Extractor/, "file"],
];

/** What a type is called for people. */
export function typeTitle(type) {
  if (TITLES[type]) return TITLES[type];
  const name = type.split(".").at(-1).replaceAll(/[-_]+/g, " ").replaceAll(/([a-z])([A-Z])/g, "$1 $2");
  return name.replace(/^db\b/i, "DB").replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
}

/** The group of a type, for its icon. */
export const kindOf = (type) => KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? "other";

/** What is in a document; whatever is broken in it is left out. @returns {Model} */
export function modelOf(document) {
  const nodes = (Array.isArray(document?.nodes) ? document.nodes : []).filter(isObject).map((raw, index) => {
    const data = isObject(raw.data) ? raw.data : {};
    const type = String(raw.type ?? "?");
    const { x, y } = isObject(raw.position) ? raw.position : {};
    const placed = Number.isFinite(x) && Number.isFinite(y);
    const label = typeof data.label === "string" && data.label.trim() ? data.label.trim() : "";
    return { id: identifier(raw.id) ?? `node-${index}`, type, data, title: label || typeTitle(type), x: placed ? x : 0, y: placed ? y : 0, placed };
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = (Array.isArray(document?.edges) ? document.edges : []).filter(isObject).map((raw, index) => ({
    id: `${identifier(raw.id) ?? "edge"}-${index}`, source: identifier(raw.source), target: identifier(raw.target),
    label: edgeLabel(byId.get(identifier(raw.source)), raw.sourceHandle), isValue: String(raw.targetHandle ?? "").endsWith("-input"),
  })).filter((edge) => byId.has(edge.source) && byId.has(edge.target) && edge.source !== edge.target);
  const unique = [...byId.values()];
  const places = unique.map((node) => `${node.id}@${node.placed ? `${node.x},${node.y}` : ""}`);
  return { nodes: unique, edges, key: `${places.join("|")}#${edges.map((edge) => `${edge.source}>${edge.target}`).join("|")}` };
}

/** The same with long chains as one node each, when there are too many to draw. `open` names groups to leave as they are. */
export function collapsed(model, open = new Set(), most = MOST_SHOWN) {
  if (model.nodes.length <= most) return model;
  const groupOf = new Map();
  const groups = chainsOf(model).filter((chain) => chain.length >= CHAIN_FROM && !open.has(`group:${chain[0].id}`)).map((chain) => {
    const id = `group:${chain[0].id}`;
    for (const node of chain) groupOf.set(node.id, id);
    return { ...chain[0], id, type: "group", title: `${chain.length} nodes`, members: chain.map((node) => node.id) };
  });
  const at = (id) => groupOf.get(id) ?? id;
  const edges = model.edges.map((edge) => ({ ...edge, source: at(edge.source), target: at(edge.target) }))
    .filter((edge) => edge.source !== edge.target);
  const byFirst = new Map(groups.map((group) => [group.members[0], group]));
  const nodes = model.nodes.flatMap((node) => (groupOf.has(node.id) ? byFirst.get(node.id) ?? [] : node));
  return { nodes, edges, key: `${model.key}#${[...open].sort().join()}#${groups.length}` };
}

const kept = new Map();

/**
 * Where everything is.
 *
 * @param {Model} model @param {?{width: number, height: number}} box Flows are folded to be as large as may be in it;
 *   null folds nothing.
 * @returns {Layout}
 */
export function layoutOf(model, box = null) {
  const key = `${box?.width}x${box?.height}#${model.key}`;
  const known = kept.get(key);
  if (known) return known;
  const placed = folded(scaled(model.nodes) ?? byDagre(model), box);
  const byId = new Map(placed.nodes.map((node) => [node.id, node]));
  const lanes = new Map();
  const edges = model.edges.map((edge) => routed(edge, byId.get(edge.source), byId.get(edge.target), lanes));
  const layout = { ...placed, edges, byId };
  kept.set(key, layout);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
  return layout;
}

/** The node next to one in a direction ("ArrowRight", ...), or null. */
export function neighbour(layout, id, direction) {
  const from = layout.byId.get(id);
  const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[direction];
  const linked = layout.edges.flatMap((edge) => (dx > 0 && edge.source === id ? [edge.target] : dx < 0 && edge.target === id ? [edge.source] : []));
  if (linked.length > 0) return linked[0];
  let best = null;
  for (const node of layout.nodes) {
    const along = (node.x - from.x) * dx + (node.y - from.y) * dy;
    const across = Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
    const cost = along + across * 2;
    if (node.id !== id && along > 4 && (!best || cost < best.cost)) best = { id: node.id, cost };
  }
  return best?.id ?? null;
}

/** The places of the file, drawn together or apart so that cards fit; null if they are no use. */
function scaled(nodes) {
  if (nodes.some((node) => !node.placed)) return null;
  let closest = Infinity;
  const byX = nodes.toSorted((a, b) => a.x - b.x);
  for (let left = 0; left < byX.length; left += 1) {
    for (let right = left + 1; right < byX.length; right += 1) {
      const dx = (byX[right].x - byX[left].x) / (CARD.w + GAP.x);
      if (dx >= closest) break;
      closest = Math.min(closest, Math.max(dx, Math.abs(byX[right].y - byX[left].y) / (CARD.h + GAP.y)));
    }
  }
  if (closest < 0.55) return null;
  const factor = closest === Infinity ? 1 : 1 / closest;
  return nodes.map((node) => ({ ...node, x: node.x * factor, y: node.y * factor }));
}

function byDagre({ nodes, edges }) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", ranksep: GAP.x, nodesep: GAP.y });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: CARD.w, height: CARD.h });
  for (const edge of edges) graph.setEdge(edge.source, edge.target);
  dagre.layout(graph);
  return nodes.map((node) => {
    const { x, y } = graph.node(node.id);
    return { ...node, x: x - CARD.w / 2, y: y - CARD.h / 2 };
  });
}

/** Break a picture that is too long into lines, so that as much as can be read of it is seen at once. */
function folded(nodes, box) {
  const byX = nodes.toSorted((a, b) => a.x - b.x);
  const { width } = extent(nodes);
  let best = inLines(byX, Infinity);
  if (!box) return ordered(best, nodes);
  const scaleOf = (picture) => Math.min(LARGE_ENOUGH, box.width / (picture.width + 2 * CARD.h), box.height / (picture.height + 2 * CARD.h));
  for (let lines = 2; lines <= MOST_LINES; lines += 1) {
    const most = Math.max(CARD.w, width / lines) + 1;
    const picture = inLines(byX, most);
    if (scaleOf(picture) > scaleOf(best) * 1.04) best = picture;
    if (most <= CARD.w + 1) break;
  }
  return ordered(best, nodes);
}

/** The nodes in lines of at most this width; what overlaps sideways stays together. */
function inLines(byX, most) {
  const result = [];
  let line = [];
  let right = -Infinity;
  let top = 0;
  const end = () => {
    const part = extent(line);
    for (const node of line) result.push({ ...node, x: node.x - part.x, y: node.y - part.y + top, line: top });
    top += part.height + LINE_GAP;
    line = [];
  };
  for (const node of byX) {
    if (line.length > 0 && node.x + CARD.w - line[0].x > most && node.x >= right) end();
    line.push(node);
    right = Math.max(right, node.x + CARD.w);
  }
  if (line.length > 0) end();
  const whole = extent(result);
  return { nodes: result, width: whole.width, height: whole.height };
}

function ordered(picture, nodes) {
  const order = new Map(nodes.map((node, index) => [node.id, index]));
  return { ...picture, nodes: picture.nodes.toSorted((a, b) => order.get(a.id) - order.get(b.id)) };
}

function extent(nodes) {
  const xs = nodes.map((node) => node.x);
  const ys = nodes.map((node) => node.y);
  const x = xs.length ? xs.reduce((a, b) => Math.min(a, b)) : 0;
  const y = ys.length ? ys.reduce((a, b) => Math.min(a, b)) : 0;
  return {
    x, y, width: xs.length ? xs.reduce((a, b) => Math.max(a, b)) - x + CARD.w : 0,
    height: ys.length ? ys.reduce((a, b) => Math.max(a, b)) - y + CARD.h : 0,
  };
}

function routed(edge, from, to, lanes) {
  const start = { x: from.x + CARD.w, y: from.y + CARD.h / 2 };
  const end = { x: to.x, y: to.y + CARD.h / 2 };
  if (from.line !== to.line) return aroundLines(edge, start, end, to.line, lanes);
  if (end.x - start.x >= 8) {
    const bend = Math.max(20, (end.x - start.x) / 2);
    const path = `M${round(start.x)},${round(start.y)}C${round(start.x + bend)},${round(start.y)} ${round(end.x - bend)},${round(end.y)} ${round(end.x)},${round(end.y)}`;
    return { ...edge, path, labelAt: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 } };
  }
  const down = to.y >= from.y;
  const a = { x: from.x + CARD.w / 2, y: down ? from.y + CARD.h : from.y };
  const b = { x: to.x + CARD.w / 2, y: down ? to.y : to.y + CARD.h };
  const bend = Math.max(18, Math.abs(b.y - a.y) / 2) * (down ? 1 : -1);
  const path = `M${round(a.x)},${round(a.y)}C${round(a.x)},${round(a.y + bend)} ${round(b.x)},${round(b.y - bend)} ${round(b.x)},${round(b.y)}`;
  return { ...edge, path, labelAt: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
}

/** From the end of one line through the space above another to its beginning, with round corners. */
function aroundLines(edge, start, end, targetLine, lanes) {
  const lane = lanes.get(targetLine) ?? 0;
  lanes.set(targetLine, lane + 1);
  const y = targetLine > start.y ? targetLine - LINE_GAP / 2 + (lane % 5) * 5 - 8 : end.y + CARD.h / 2 + 16 + (lane % 5) * 5;
  const out = start.x + 18;
  const back = end.x - 18;
  const points = [start, { x: out, y: start.y }, { x: out, y }, { x: back, y }, { x: back, y: end.y }, end];
  return { ...edge, path: rounded(points, 9), labelAt: { x: (out + back) / 2 + ((lane % 3) - 1) * LABEL_STEP, y } };
}

function rounded(points, radius) {
  let path = `M${round(points[0].x)},${round(points[0].y)}`;
  for (let index = 1; index < points.length - 1; index += 1) {
    const [before, corner, after] = points.slice(index - 1, index + 2);
    const a = toward(corner, before, radius);
    const b = toward(corner, after, radius);
    path += `L${round(a.x)},${round(a.y)}Q${round(corner.x)},${round(corner.y)} ${round(b.x)},${round(b.y)}`;
  }
  return `${path}L${round(points.at(-1).x)},${round(points.at(-1).y)}`;
}

function toward(from, to, most) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const part = Math.min(most, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

/** Sequences of nodes with one way in and one way out. */
function chainsOf({ nodes, edges }) {
  const into = new Map();
  const out = new Map();
  for (const edge of edges) {
    out.set(edge.source, [...(out.get(edge.source) ?? []), edge.target]);
    into.set(edge.target, [...(into.get(edge.target) ?? []), edge.source]);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const isLink = (id) => (into.get(id)?.length ?? 0) <= 1 && (out.get(id)?.length ?? 0) <= 1;
  const taken = new Set();
  const chains = [];
  for (const node of nodes) {
    const previous = into.get(node.id)?.[0];
    if (taken.has(node.id) || !isLink(node.id) || (previous && isLink(previous) && !taken.has(previous))) continue;
    const chain = [];
    for (let id = node.id; id && isLink(id) && !taken.has(id); id = out.get(id)?.[0]) {
      taken.add(id);
      chain.push(byId.get(id));
    }
    chains.push(chain);
  }
  return chains;
}

function edgeLabel(source, handle) {
  if (!source || typeof handle !== "string" || ["output", ""].includes(handle)) return source?.type === "loop" ? "each" : "";
  if (source.type === "loop" && handle === "loopComplete") return "done";
  if (source.type !== "switch.switch") return "";
  if (handle === "default") return source.data.defaultCase?.label || "otherwise";
  const found = Array.isArray(source.data.cases) ? source.data.cases.find((item) => item?.id === handle) : null;
  return found?.label || handle;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const identifier = (value) => (typeof value === "string" && value ? value : Number.isInteger(value) ? String(value) : null);
const round = (value) => Math.round(value * 10) / 10;
