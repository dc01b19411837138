// The results of nodes in the order they came, rounds of loops folded away; one node; the pictures that were taken.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { artifactUrl } from "./api.js";
import { BreakpointEditor } from "./breakpoints.js";
import { describe } from "./graph.js";
import { typeTitle } from "./graph_model.js";
import { flat, picturesOf, rowsOf } from "./results.js";
import { ValueList } from "./values.js";
import { Button, Dialog, Empty } from "./parts/controls.js";
import { Icon, WORDS } from "./parts/status.js";
import { useKeys } from "./parts/keys.js";
import { formatDuration, formatExact } from "./parts/time.js";

const MOST_ROWS = 250;
const LAST_OPEN = 2;

/** @param {{execution: object, selected: ?string, onSelect: (id: string) => void, onPicture: (path: string) => void}} given */
export function NodeList({ execution, selected, onSelect, onPicture }) {
  const { nodes } = execution;
  const rows = useMemo(() => rowsOf(nodes), [nodes]);
  const [turned, setTurned] = useState(() => new Map());
  const [isAll, setAll] = useState(false);
  const isOpen = (row) => turned.get(row.key) ?? (row.kind === "node" || row.status === "failed" || row.left <= LAST_OPEN);
  const seen = flat(rows, isOpen);
  const shown = isAll ? seen : seen.slice(-MOST_ROWS);
  const longest = nodes.reduce((most, node) => Math.max(most, node.durationMs), 1);
  // The same functions all the time, so that rows that did not change are not drawn again.
  const latest = useRef(null);
  latest.current = { turn: (key, to) => setTurned(new Map(turned).set(key, to)), onSelect, onPicture };
  const acts = useMemo(() => ({
    turn: (key, to) => latest.current.turn(key, to), select: (id) => latest.current.onSelect(id), picture: (path) => latest.current.onPicture(path),
  }), []);
  if (nodes.length === 0) {
    return html`<${Empty} icon="workflows" title="No node has a result yet" text="Each node appears here with how long it took." />`;
  }
  const dropped = execution.nodesSeen - nodes.length;
  return html`${dropped > 0 && html`<p class="small soft node-more">The first ${nodes.length.toLocaleString()} results are kept; ${dropped.toLocaleString()} later ones ran without being listed.</p>`}
    ${shown.length < seen.length && html`<p class="small soft node-more">The first ${(seen.length - shown.length).toLocaleString()} rows are left out. <${Button} small onClick=${() => setAll(true)}>Show all<//></p>`}
    <ol class="node-list" aria-label="Nodes in the order they ran">${shown.map((row) => (row.kind === "round"
      ? html`<${Round} key=${row.key} row=${row} isOpen=${isOpen(row)} acts=${acts} />`
      : html`<${Result} key=${row.key} row=${row} width=${barWidth(row.result, longest)} isSelected=${row.result.nodeId === selected} isOpen=${isOpen(row)} acts=${acts} />`))}</ol>`;
}

/** Whole percents, so that a new longest one changes few of the others. */
const barWidth = (result, longest) => Math.max(2, Math.round((result.durationMs / longest) * 100));

function Round({ row, isOpen, acts }) {
  return useMemo(() => html`<li class="node-row round" data-status=${row.status} style=${{ "--depth": row.depth }}>
    <button type="button" class="node-turn" aria-expanded=${String(isOpen)} onClick=${() => acts.turn(row.key, !isOpen)}><${Icon} name="right" size=${13} />
      <span>Round ${row.iteration + 1}</span><span class="faint">${row.count} ${row.count === 1 ? "node" : "nodes"}</span>
      ${row.status === "failed" && html`<${Icon} name="failed" size=${14} title="With a failure" />`}</button>
    <span class="num soft node-time">${formatDuration(row.durationMs)}</span></li>`, [row.status, row.durationMs, row.count, isOpen]);
}

function Result({ row, width, isSelected, isOpen, acts }) {
  const { result, children } = row;
  return useMemo(() => {
    const pictures = picturesOf([result]);
    const name = result.nodeLabel ?? typeTitle(result.nodeType);
    return html`<li class=${`node-row ${isSelected ? "selected" : ""}`} data-status=${result.status} style=${{ "--depth": row.depth }}>
    <${Icon} name=${result.status} size=${16} title=${WORDS[result.status]} />
    <div class="node-main"><button type="button" class="node-name clip" aria-pressed=${String(isSelected)} onClick=${() => acts.select(result.nodeId)} title=${result.nodeId}>${name}</button>
      <span class="faint small clip">${typeTitle(result.nodeType)}${result.failSilently && result.status === "failed" ? " · may fail" : ""}</span>
      ${children.length > 0 && html`<button type="button" class="tag" aria-expanded=${String(isOpen)} onClick=${() => acts.turn(row.key, !isOpen)}>${children.length} ${children.length === 1 ? "round" : "rounds"}</button>`}
      ${pictures.length > 0 && html`<button type="button" class="tag" onClick=${() => acts.picture(pictures.at(-1).path)} aria-label=${`Pictures of ${name}`}>${pictures.length} ${pictures.length === 1 ? "picture" : "pictures"}</button>`}
      ${(result.error?.message ?? result.message) && html`<p class="node-message">${result.error?.message ?? result.message}</p>`}</div>
    <span class="node-time"><span class="node-bar" aria-hidden="true"><i style=${{ width: `${width}%` }}></i></span>
      <span class="num soft" title=${formatExact(result.timestamp)}>${formatDuration(result.durationMs)}</span></span></li>`;
  }, [result, children.length, width, isSelected, isOpen]);
}

/**
 * One node: how it stands, its breakpoint, its pictures, what the workflow says of it.
 *
 * @param {{node: object, results?: object[], state?: object, points: ?object, onClose: () => void, onPicture?: (path: string) => void,
 *   hasRun?: boolean}} given Without `points` no breakpoint can be set; `hasRun` is false for a file's node.
 */
export function Inspector({ node, results = [], state, points, onClose, onPicture, hasRun = true }) {
  const last = results.at(-1);
  const pictures = picturesOf(results).filter((item) => artifactUrl(item.path)).slice(-6);
  const shown = Object.entries(node.data).filter(([name, value]) => !HIDDEN.has(name) && value !== "" && value !== null && value !== undefined);
  const box = useRef(null);
  useEffect(() => box.current.scrollIntoView({ block: "nearest" }), [node.id]);
  return html`<section ref=${box} class="card inspector" data-status=${state?.status ?? "pending"} aria-label=${`Node ${node.title}`}>
    <div class="card-head"><div class="grow clip"><h3 class="clip">${node.title}</h3><span class="faint small clip">${typeTitle(node.type)} · ${node.id}</span></div>
      <${Button} small kind="ghost" icon="close" label="Close the node" onClick=${onClose} /></div>
    <div class="inspector-body">
      ${hasRun && html`<p class="row small inspector-state"><${Icon} name=${state?.status ?? "pending"} size=${15} status=${state?.status ?? "pending"} />${describe(state) || "Not reached"}</p>`}
      ${last?.error && html`<p class="inspector-error small"><code>${last.error.code}</code> ${last.error.message}</p>`}
      ${points && html`<${BreakpointEditor} nodeId=${node.id} points=${points} />`}
      ${pictures.length > 0 && html`<ul class="gallery small">${pictures.map((item) => html`<li key=${item.path}><button type="button" onClick=${() => onPicture(item.path)}><img src=${artifactUrl(item.path)} alt=${item.caption} /></button></li>`)}</ul>`}
      ${shown.length > 0 && html`<${ValueList} entries=${shown} />`}
    </div></section>`;
}

const HIDDEN = new Set(["type", "label", "width", "height", "isPinned", "isMinimized", "searchHighlighted", "backgroundColor", "borderColor", "isExecuting", "check"]);

/** All pictures as small ones. @param {{pictures: object[], onPicture: (path: string) => void}} given */
export function Gallery({ pictures, onPicture }) {
  const kept = pictures.filter((item) => artifactUrl(item.path));
  if (kept.length === 0) {
    return html`<${Empty} icon="camera" title="No pictures were taken" text="A failing node leaves one by itself. To get one around every node, run with pictures before or after each node." />`;
  }
  return html`<ul class="gallery">${kept.map((item) => html`<li key=${item.path}><button type="button" onClick=${() => onPicture(item.path)}>
    <img src=${artifactUrl(item.path)} alt=${item.caption} loading="lazy" /><span class="clip small">${item.caption}</span></button></li>`)}</ul>`;
}

/** One picture large, with the ones before and after it. */
export function Lightbox({ pictures, path, onPath }) {
  const place = Math.max(0, pictures.findIndex((item) => item.path === path));
  const item = pictures[place];
  const go = (by) => pictures[place + by] && onPath(pictures[place + by].path);
  useKeys([
    { keys: ["ArrowLeft"], text: "The picture before", group: "Pictures", inDialog: true, run: () => go(-1) },
    { keys: ["ArrowRight"], text: "The next picture", group: "Pictures", inDialog: true, run: () => go(1) },
  ]);
  if (!item) return null;
  return html`<${Dialog} wide title=${item.caption} onClose=${() => onPath(null)} foot=${html`
      <span class="grow soft num">${place + 1} of ${pictures.length}</span>
      <a class="button" href=${artifactUrl(item.path)} target="_blank" rel="noreferrer">Open the file</a>
      <${Button} icon="left" label="The picture before" disabled=${place === 0} onClick=${() => go(-1)} />
      <${Button} icon="right" label="The next picture" disabled=${place === pictures.length - 1} onClick=${() => go(1)} />`}>
    <img class="lightbox-picture" src=${artifactUrl(item.path)} alt=${item.caption} /><//>`;
}
