// Failures by fingerprint: one problem, not eighty.

import { html } from "../vendor/ui.js";
import { artifactUrl, isReport, rerunMany } from "./api.js";
import { href } from "./router.js";
import { ActionButton, CopyButton, Empty, goToBatch } from "./parts/controls.js";
import { Icon } from "./parts/status.js";

const MOST_MESSAGE = 400;
const MOST_LINKS = 6;

/** What makes failures the same: the error without what differs from run to run, the node's type, the code. */
export function fingerprint(error) {
  return `${error.code}|${error.nodeType ?? ""}|${normalised(error.message)}`;
}

/** A message without numbers, ids, addresses' hosts and times. */
export function normalised(message) {
  return message
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<id>")
    .replace(/\bhttps?:\/\/[^\s/"')]+/gi, "<host>")
    .replace(/\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{10,}\b/gi, "<id>")
    .replace(/\d+(?:\.\d+)?/g, "<n>")
    .replace(/\s+/g, " ").trim().slice(0, MOST_MESSAGE);
}

/** A short name of a fingerprint, for addresses. */
export function shortHash(text) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0).toString(36);
}

const groupCache = new WeakMap();

/** The short fingerprint of a row's error; null for rows without one that counts. */
export function groupOf(row) {
  if (!row.error || !["failed", "interrupted"].includes(row.status)) return null;
  let known = groupCache.get(row.error);
  if (!known) {
    known = shortHash(fingerprint(row.error));
    groupCache.set(row.error, known);
  }
  return known;
}

/** Failed rows by fingerprint, the most frequent first. @returns {{id: string, rows: object[], error: object}[]} */
export function groupFailures(rows) {
  const groups = new Map();
  for (const row of rows) {
    const id = groupOf(row);
    if (id === null) continue;
    if (groups.has(id)) groups.get(id).rows.push(row);
    else groups.set(id, { id, rows: [row], error: row.error });
  }
  return [...groups.values()].sort((a, b) => b.rows.length - a.rows.length);
}

/** The groups, each with what to do about it. */
export function Failures({ batch, rows }) {
  const groups = groupFailures(rows);
  if (groups.length === 0) {
    return html`<div class="card"><${Empty} icon="completed" title="No failures" text=${batch.endedAt ? "Every execution that ran to its end passed." : "Nothing has failed so far."} /></div>`;
  }
  return html`<ol class="failures" aria-label="Failures by cause">${groups.map((group) => html`<${Group} key=${group.id} group=${group} batch=${batch} />`)}</ol>`;
}

function Group({ group, batch }) {
  const { error, rows } = group;
  const picture = rows.map((row) => row.error.screenshot && artifactUrl(row.error.screenshot)).find(Boolean);
  const ids = rows.map((row) => row.executionId);
  return html`<li class="card failure" data-status="failed">
    <div class="failure-count"><b class="num">${rows.length.toLocaleString()}</b><span>${rows.length === 1 ? "failure" : "failures"}</span></div>
    <div class="failure-what">
      <div class="row wrap"><span class="tag mono">${error.code}</span>
        ${error.nodeType && html`<span class="small soft">at <b>${error.nodeLabel || error.nodeType}</b>${error.nodeLabel ? ` (${error.nodeType})` : ""}</span>`}
        <span class="grow"></span><${CopyButton} text=${error.message} label="Copy the message" /></div>
      <pre class="failure-message">${error.message}</pre>
      <ul class="row wrap small">${rows.slice(0, MOST_LINKS).map((row) => html`<li key=${row.executionId}>
        <a class="chip" href=${href("executions", row.executionId)}><${Icon} name="failed" size=${13} status="failed" />${row.workflowPath}</a></li>`)}
        ${rows.length > MOST_LINKS && html`<li><a class="small" href=${href("batches", batch.batchId, { q: `f:${group.id}` })}>and ${rows.length - MOST_LINKS} more</a></li>`}</ul>
      <div class="row wrap"><a class="button small" href=${href("batches", batch.batchId, { q: `f:${group.id}` })}>Show in the table</a>
        ${!isReport && html`<${ActionButton} small icon="rerun" action=${async () => goToBatch(await rerunMany(batch.batchId, ids))}>Run ${rows.length === 1 ? "it" : "these"} again<//>`}</div>
    </div>
    ${picture && html`<a class="failure-picture" href=${href("executions", rows[0].executionId)}><img src=${picture} alt="The page when it failed" loading="lazy" /></a>`}
  </li>`;
}
