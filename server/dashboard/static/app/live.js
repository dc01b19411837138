// Live: everything that runs, and what ended a moment ago.

import { html } from "../vendor/ui.js";
import { isReport, rerun, stopBatch } from "./api.js";
import { useTopic } from "./connection.js";
import { countsOf, paceOf, whyWaiting } from "./reducers.js";
import { href } from "./router.js";
import { batchOf, queue, recent, runningIds } from "./store.js";
import { Wall } from "./wall.js";
import { ActionButton, Button, Empty, Skeleton, Tags, attempt, batchHref, batchTitle, confirm, goToBatch } from "./parts/controls.js";
import { Counts, Icon, ProgressBar, StatusBadge, WORDS } from "./parts/status.js";
import { Duration, Time, formatDuration, useNow } from "./parts/time.js";

const MOST_NOW = 6;
const MOST_FAILURES = 3;
const ATTENTION = { paused: 0, suspended: 0, running: 1 };

/** The view. */
export function LiveView() {
  useTopic("live");
  const ids = runningIds.value;
  if (ids === null) return html`<${Head} /><${Skeleton} block lines=${4} />`;
  const batches = ids.map((id) => batchOf(id).value).filter(Boolean).toReversed();
  const active = batches.flatMap((batch) => batch.executions.filter((row) => row.status in ATTENTION))
    .sort((a, b) => ATTENTION[a.status] - ATTENTION[b.status]);
  return html`<${Head} batches=${batches} active=${active} />
    ${batches.length === 0 ? html`<${Nothing} />` : html`<div class="batches">${batches.map((batch) => html`<${BatchCard} key=${batch.batchId} batch=${batch} />`)}</div>`}
    ${active.length > 0 && html`<section class="section" aria-labelledby="wall-title">
      <div class="section-head"><h2 id="wall-title">Browsers</h2><span class="count">${active.length.toLocaleString()}</span></div>
      <${Wall} executions=${active} /></section>`}
    ${recent.value.length > 0 && html`<${Recent} rows=${recent.value} />`}`;
}

function Head({ batches = [], active = [] }) {
  const { slots, inUse, waiting } = queue.value;
  const paused = active.filter((row) => row.status !== "running").length;
  const parts = [
    `${batches.length || "No"} ${batches.length === 1 ? "batch runs" : "batches run"}`,
    slots ? `${inUse} of ${slots} slots in use` : "",
    waiting ? `${waiting.toLocaleString()} waiting` : "",
  ].filter(Boolean);
  return html`<div class="view-head"><div class="grow"><h1>Live</h1><p class="soft num">${parts.join(" · ")}</p></div>
    ${paused > 0 && html`<a class="notice attention" data-status="paused" href=${href("executions", active[0].executionId)}><${Icon} name="paused" />
      <span><b>${paused} ${paused === 1 ? "execution waits" : "executions wait"} for you</b><br />${active[0].pause?.message ?? WORDS[active[0].status]}</span></a>`}</div>`;
}

function Nothing() {
  const body = `'{"folderPath": "."}'`;
  return html`<div class="card"><${Empty} title="Nothing runs at the moment"
    text="Choose workflows here, or start all of the server's folder from a terminal:"
    command=${`curl -H 'Content-Type: application/json' -d ${body} ${location.origin}/api/workflows/execute`}>
    <a class="button primary" href=${href("workflows")}><${Icon} name="play" />Choose workflows<//>
  <//></div>`;
}

function BatchCard({ batch }) {
  const rows = batch.executions;
  const counts = countsOf(rows);
  const now = rows.filter((row) => row.status in ATTENTION).sort((a, b) => ATTENTION[a.status] - ATTENTION[b.status] || b.startedAt - a.startedAt);
  const failures = rows.filter((row) => row.status === "failed").sort((a, b) => b.endedAt - a.endedAt);
  return html`<article class="card batch-card" aria-label=${`Batch ${batchTitle(batch)}`}>
    <header class="batch-head"><div class="grow"><div class="row wrap"><h2 class="clip"><a href=${batchHref(batch)}>${batchTitle(batch)}</a></h2>
        <${StatusBadge} status=${batch.status} /><${Tags} tags=${batch.options.tags} /></div>
      <p class="small faint clip" title=${batch.folderPath}>${batch.batchId}${batch.folderPath ? ` · ${batch.folderPath}` : ""}</p></div>
      <${BatchActions} batch=${batch} counts=${counts} small /></header>
    <${ProgressBar} counts=${counts} size="thick" />
    <div class="row wrap spread"><${Counts} counts=${counts} all /><${Pace} batch=${batch} counts=${counts} /></div>
    ${now.length > 0 && html`<ul class="now" aria-label="Running now">${now.slice(0, MOST_NOW).map((row) => html`<${Now} key=${row.executionId} row=${row} />`)}
      ${now.length > MOST_NOW && html`<li class="small faint">and ${now.length - MOST_NOW} more</li>`}</ul>`}
    ${now.length === 0 && counts.queued > 0 && html`<p class="small soft row"><${Icon} name="queued" size=${14} status="queued" />${whyWaiting(rows.find((row) => row.status === "queued"), batch, queue.value).join(" ")}</p>`}
    ${failures.length > 0 && html`<ul class="latest" aria-label="Latest failures">${failures.slice(0, MOST_FAILURES).map((row) => html`
      <li key=${row.executionId} data-status="failed"><${Icon} name="failed" size=${14} /><a href=${href("executions", row.executionId)}>${row.workflowPath}</a>
        <span class="clip soft">${row.error?.message}</span></li>`)}</ul>`}
  </article>`;
}

function Now({ row }) {
  return html`<li data-status=${row.status}><a href=${href("executions", row.executionId)}><${Icon} name=${row.status} size=${14} />
    <span class="clip strong">${row.workflowFileName}</span><span class="clip soft">${row.currentNodeLabel ?? "starting"}</span>
    <span class="faint small"><${Duration} since=${row.pause?.since ?? row.startedAt} /></span></a></li>`;
}

/** How long a batch has run, how fast it goes, and when it will be over; children are further facts. */
export function Pace({ batch, counts, children }) {
  const running = !batch.endedAt;
  const now = useNow(running);
  const { perMinute, leftMs } = paceOf(batch, now);
  return html`<dl class="facts">
    <div><dt>${running ? "Running for" : "Took"}</dt><dd><${Duration} since=${batch.startedAt} until=${batch.endedAt} /></dd></div>
    ${perMinute !== null && html`<div><dt>Speed</dt><dd>${perMinute >= 10 ? Math.round(perMinute) : perMinute.toFixed(1)}/min</dd></div>`}
    ${leftMs !== null && html`<div><dt>Left</dt><dd title="By the speed of the last ones">about ${formatDuration(rounded(leftMs))}</dd></div>`}
    <div><dt>At a time</dt><dd title="How many of this batch may run at once">${Math.min(batch.workers, Math.max(counts.total, 1))}</dd></div>${children}</dl>`;
}

// An estimate that changes with each second is noise.
const rounded = (ms) => (ms < 60_000 ? Math.max(5000, Math.round(ms / 5000) * 5000) : Math.round(ms / 30_000) * 30_000);

/** What can be done with a batch. */
export function BatchActions({ batch, counts, small = false }) {
  if (isReport) return null;
  const failed = counts.failed + counts.interrupted;
  const unfinished = counts.queued + counts.running + counts.paused + counts.suspended;
  const stop = async () => {
    const sure = await confirm({
      title: `Stop ${batchTitle(batch)}?`, action: "Stop the batch",
      text: `${unfinished.toLocaleString()} of its ${counts.total.toLocaleString()} executions are not over: they end now as stopped. They do not go on later; they can only be run again from their start.`,
    });
    if (sure) await attempt(() => stopBatch(batch.batchId), (done) => `${done.runningStopped} stopped, ${done.queuedCancelled} cancelled`);
  };
  const again = (only) => async () => goToBatch(await rerun(batch.batchId, only));
  return html`<div class="row">
    ${failed > 0 && html`<${ActionButton} small=${small} icon="rerun" action=${again("failed")}>Rerun failed<//>`}
    ${batch.endedAt && counts.total > 0 && html`<${ActionButton} small=${small} icon="play" action=${again("all")}>Run again<//>`}
    ${!batch.endedAt && html`<${Button} kind="danger" small=${small} icon="stop" onClick=${stop}>Stop<//>`}</div>`;
}

function Recent({ rows }) {
  return html`<section class="section" aria-labelledby="recent-title">
    <div class="section-head"><h2 id="recent-title">Finished lately</h2><span class="grow"></span><a class="small" href=${href("history")}>All of the history</a></div>
    <ul class="card recent">${rows.map((row) => html`<li key=${row.batchId} data-status=${row.status}>
      <a class="recent-link" href=${batchHref(row)}><${StatusBadge} status=${row.status} /><span class="clip strong">${batchTitle(row)}</span></a>
      <div class="recent-bar"><${ProgressBar} counts=${row.counts} size="thin" /><${Counts} counts=${row.counts} /></div>
      <span class="small soft wide-only"><${Duration} ms=${row.endedAt - row.startedAt} /></span>
      <span class="small faint"><${Time} at=${row.endedAt} /></span>
      ${row.counts.failed + row.counts.interrupted > 0
        ? html`<${ActionButton} small kind="ghost" icon="rerun" label="Rerun failed" action=${async () => goToBatch(await rerun(row.batchId, "failed"))} />`
        : html`<span></span>`}
    </li>`)}</ul></section>`;
}
