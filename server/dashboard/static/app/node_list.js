// The results of nodes in the order they came, rounds of loops folded away, and the pictures that were taken.

import { html, useMemo, useState } from "../vendor/ui.js";
import { artifactUrl } from "./api.js";
import { typeTitle } from "./graph_model.js";
import { flat, picturesOf, rowsOf } from "./results.js";
import { Button, Dialog, Empty } from "./parts/controls.js";
import { Icon, WORDS } from "./parts/status.js";
import { useKeys } from "./parts/keys.js";
import { formatDuration, formatExact } from "./parts/time.js";

const MOST_ROWS = 400;
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
  const turn = (row) => setTurned(new Map(turned).set(row.key, !isOpen(row)));
  if (nodes.length === 0) {
    return html`<${Empty} icon="workflows" title="No node has a result yet" text="Each node appears here with how long it took." />`;
  }
  return html`${shown.length < seen.length && html`<p class="small soft node-more">The first ${(seen.length - shown.length).toLocaleString()} rows are left out. <${Button} small onClick=${() => setAll(true)}>Show all<//></p>`}
    <ol class="node-list" aria-label="Nodes in the order they ran">${shown.map((row) => (row.kind === "round"
      ? html`<${Round} key=${row.key} row=${row} isOpen=${isOpen(row)} turn=${() => turn(row)} />`
      : html`<${Result} key=${row.key} row=${row} longest=${longest} isSelected=${row.result.nodeId === selected} onSelect=${onSelect} onPicture=${onPicture}
          isOpen=${isOpen(row)} turn=${() => turn(row)} />`))}</ol>`;
}

function Round({ row, isOpen, turn }) {
  return html`<li class="node-row round" data-status=${row.status} style=${{ "--depth": row.depth }}>
    <button type="button" class="node-turn" aria-expanded=${String(isOpen)} onClick=${turn}><${Icon} name=${isOpen ? "down" : "right"} size=${13} />
      <span>Round ${row.iteration + 1}</span><span class="faint">${row.count} ${row.count === 1 ? "node" : "nodes"}</span>
      ${row.status === "failed" && html`<${Icon} name="failed" size=${14} title="With a failure" />`}</button>
    <span class="num soft node-time">${formatDuration(row.durationMs)}</span></li>`;
}

function Result({ row, longest, isSelected, onSelect, onPicture, isOpen, turn }) {
  const { result } = row;
  const pictures = picturesOf([result]);
  const name = result.nodeLabel ?? typeTitle(result.nodeType);
  return html`<li class=${`node-row ${isSelected ? "selected" : ""}`} data-status=${result.status} style=${{ "--depth": row.depth }}>
    <${Icon} name=${result.status} size=${16} title=${WORDS[result.status]} />
    <div class="node-main"><button type="button" class="node-name clip" aria-pressed=${String(isSelected)} onClick=${() => onSelect(result.nodeId)} title=${result.nodeId}>${name}</button>
      <span class="faint small clip">${typeTitle(result.nodeType)}${result.failSilently && result.status === "failed" ? " · may fail" : ""}</span>
      ${row.children.length > 0 && html`<button type="button" class="tag" aria-expanded=${String(isOpen)} onClick=${turn}>${row.children.length} ${row.children.length === 1 ? "round" : "rounds"}</button>`}
      ${pictures.length > 0 && html`<button type="button" class="tag" onClick=${() => onPicture(pictures.at(-1).path)} aria-label=${`Pictures of ${name}`}>${pictures.length} ${pictures.length === 1 ? "picture" : "pictures"}</button>`}
      ${(result.error?.message ?? result.message) && html`<p class="node-message">${result.error?.message ?? result.message}</p>`}</div>
    <span class="node-time"><span class="node-bar" aria-hidden="true"><i style=${{ width: `${Math.max(2, (result.durationMs / longest) * 100)}%` }}></i></span>
      <span class="num soft" title=${formatExact(result.timestamp)}>${formatDuration(result.durationMs)}</span></span></li>`;
}

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
