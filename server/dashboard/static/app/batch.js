// One batch: its executions as a table, on a timeline, and its failures by cause.

import { html, useMemo, useState } from "../vendor/ui.js";
import { isReport, rerunMany, stopMany } from "./api.js";
import { useTopic } from "./connection.js";
import { Failures, groupFailures, groupOf } from "./failures.js";
import { FILTER_HINT, StatusChips, matches, parseFilter } from "./filter.js";
import { BatchActions, Pace } from "./live.js";
import { FINAL, countsOf, whyWaiting } from "./reducers.js";
import { go, href, route, setQuery } from "./router.js";
import { batchOf, queue } from "./store.js";
import { Timeline } from "./timeline.js";
import { Button, CopyButton, Empty, Search, Skeleton, Tabs, Tags, attempt, batchTitle, confirm, goToBatch, toast } from "./parts/controls.js";
import { Counts, Icon, ProgressBar, StatusBadge, WORDS, shownCounts, shownStatus } from "./parts/status.js";
import { Table, sorted } from "./parts/table.js";
import { Duration, Time, serverNow } from "./parts/time.js";

const STATUS_ORDER = ["failed", "interrupted", "flaky", "paused", "suspended", "running", "queued", "stopped", "notRun", "completed"];

/** The view of the batch with this id. */
export function BatchView({ id }) {
  useTopic(`batch:${id}`);
  const batch = batchOf(id).value;
  if (batch === null) return html`<${Skeleton} block lines=${6} />`;
  if (batch === false) {
    return html`<div class="card"><${Empty} page icon="search" title="There is no such batch" text=${`${id} is not in the history: it was deleted, or belongs to another server.`}
      command="batchwright history"><a class="button" href=${href("history")}>Open the history</a><//></div>`;
  }
  return html`<${Shown} batch=${batch} />`;
}

function Shown({ batch }) {
  const { query } = route.value;
  const tab = query.get("view") ?? "table";
  const filter = query.get("q") ?? "";
  const counts = useMemo(() => countsOf(batch.executions), [batch.executions]);
  const failures = useMemo(() => groupFailures(batch.executions).length, [batch.executions]);
  const rows = useFiltered(batch, filter);
  const to = (view) => href("batches", batch.batchId, { q: filter, view: view === "table" ? null : view, sort: query.get("sort") });
  const tabs = [
    { id: "table", text: "Executions", count: counts.total, href: to("table") },
    { id: "timeline", text: "Timeline", href: to("timeline") },
    { id: "failures", text: "Failures", count: failures, href: to("failures") },
    ...(batch.invalid.length ? [{ id: "invalid", text: "Invalid files", count: batch.invalid.length, href: to("invalid") }] : []),
  ];
  return html`<${Head} batch=${batch} counts=${counts} />
    <${Tabs} items=${tabs} current=${tab} label="Parts of the batch" />
    ${tab !== "invalid" && tab !== "failures" && html`<div class="toolbar">
      <${Search} value=${filter} label="Filter the executions" placeholder='s:failed @folder text !not "two words"' hint=${FILTER_HINT} onInput=${(q) => setQuery({ q })} />
      <${StatusChips} filter=${filter} counts=${shownCounts(counts)} /></div>`}
    ${tab === "timeline" ? html`<${Timeline} batch=${batch} rows=${rows} />`
      : tab === "failures" ? html`<${Failures} batch=${batch} rows=${batch.executions} />`
      : tab === "invalid" ? html`<${Invalid} files=${batch.invalid} />`
      : html`<${Executions} batch=${batch} rows=${rows} filter=${filter} />`}`;
}

function Head({ batch, counts }) {
  const { options } = batch;
  return html`<div class="view-head"><div class="grow">
      <nav class="crumbs" aria-label="Path">${isReport ? "Report" : html`<a href=${batch.endedAt ? href("history") : href()}>${batch.endedAt ? "History" : "Live"}</a>`}<span aria-hidden="true">/</span>
        <span class="mono clip">${batch.batchId}</span><${CopyButton} text=${batch.batchId} label="Copy the batch's id" /></nav>
      <div class="row wrap"><h1 class="clip">${batchTitle(batch)}</h1><${StatusBadge} status=${batch.status} /><${Tags} tags=${options.tags} />
        ${options.rerunOf && html`<a class="tag" href=${href("batches", options.rerunOf)}><${Icon} name="rerun" size=${12} /> of ${options.rerunOf}</a>`}</div>
      ${batch.folderPath && batch.folderPath !== batchTitle(batch) && html`<p class="small soft clip mono" title=${batch.folderPath}>${batch.folderPath}</p>`}</div>
    <div class="row wrap">${!isReport && batch.endedAt && html`<a class="button" href=${`/api/dashboard/batches/${batch.batchId}/report`} download title="One file that opens from disk"><${Icon} name="download" />Report</a>`}
      <${BatchActions} batch=${batch} counts=${counts} /></div></div>
    <div class="card pad batch-summary">
      <${ProgressBar} counts=${counts} size="thick" />
      <div class="row wrap spread"><${Counts} counts=${counts} all />
        <${Pace} batch=${batch} counts=${counts}>
          ${options.retries > 0 && html`<div><dt>Retries</dt><dd>${options.retries}</dd></div>`}
          ${options.priority ? html`<div><dt>Priority</dt><dd>${options.priority}</dd></div>` : ""}
          <div><dt>Started</dt><dd><${Time} at=${batch.startedAt} /></dd></div><//></div>
      ${batch.error && html`<div class="notice" data-status="failed"><${Icon} name="failed" /><span>${batch.error.message}</span></div>`}</div>`;
}

const factsCache = new WeakMap();

/** What the filter language compares with; kept for as long as the row does not change. */
function factsOf(row, tags) {
  let facts = factsCache.get(row);
  if (!facts) {
    const shown = shownStatus(row).toLowerCase();
    const folders = row.workflowPath.toLowerCase().split(/[/\\]/).slice(0, -1);
    facts = {
      statuses: [shown], tags: [...tags, ...folders], code: row.error?.code?.toLowerCase(), group: groupOf(row) ?? undefined,
      text: [row.workflowPath, row.executionId, row.alias, row.error?.message, row.error?.nodeLabel, row.currentNodeLabel].join(" ").toLowerCase(),
    };
    factsCache.set(row, facts);
  }
  return facts;
}

function useFiltered(batch, filter) {
  return useMemo(() => {
    const terms = parseFilter(filter);
    if (terms.length === 0) return batch.executions;
    const tags = (batch.options.tags ?? []).map((tag) => tag.toLowerCase());
    return batch.executions.filter((row) => matches(terms, factsOf(row, tags)));
  }, [batch.executions, filter]);
}

function Executions({ batch, rows, filter }) {
  const sort = route.value.query.get("sort") ?? "";
  const [selection, setSelection] = useState(new Set());
  const columns = useColumns(batch);
  const shown = useMemo(() => sorted(rows, columns, sort), [rows, columns, sort]);
  // What left the filter is not acted on.
  const chosen = useMemo(() => shown.filter((row) => selection.has(row.executionId)), [shown, selection]);
  if (batch.executions.length === 0) {
    return html`<div class="card"><${Empty} icon="file" title="The batch has no workflows" text="Nothing in it could be run; the invalid files say why." command="batchwright validate FOLDER" /></div>`;
  }
  return html`${!isReport && (chosen.length > 0 || filter) && html`<${Bulk} batch=${batch} shown=${shown} chosen=${chosen} filter=${filter} onDone=${() => setSelection(new Set())} />`}
    ${shown.length === 0
      ? html`<div class="card"><${Empty} icon="search" title="Nothing matches" text=${`None of the ${batch.executions.length.toLocaleString()} executions fits the filter.`}><${Button} onClick=${() => setQuery({ q: "" })}>Clear the filter<//><//></div>`
      : html`<${Table} label="Executions" columns=${columns} rows=${shown} keyOf=${(row) => row.executionId} sort=${sort} onSort=${(next) => setQuery({ sort: next })}
          selection=${isReport ? undefined : selection} onSelect=${setSelection} onOpen=${(row) => go("executions", row.executionId)} rowPx=${48} most="calc(100dvh - 430px)" />`}
    <p class="small faint table-foot">${shown.length === batch.executions.length ? "" : `${shown.length.toLocaleString()} of `}${batch.executions.length.toLocaleString()} executions</p>`;
}

function Bulk({ batch, shown, chosen, filter, onDone }) {
  const rows = chosen.length ? chosen : shown;
  const words = chosen.length ? `${chosen.length.toLocaleString()} selected` : `${shown.length.toLocaleString()} fit the filter`;
  const over = rows.filter((row) => FINAL.has(row.status));
  const active = rows.filter((row) => !FINAL.has(row.status));
  const stop = async () => {
    const sure = await confirm({
      title: `Stop ${active.length.toLocaleString()} ${active.length === 1 ? "execution" : "executions"}?`, action: "Stop them",
      text: "What runs ends in the middle of its node, what waits is not run. They do not go on later; they can only be run again from their start.",
    });
    if (sure && await attempt(() => stopMany(active.map((row) => row.executionId)), (done) => `${done.runningStopped} stopped, ${done.queuedCancelled} cancelled`)) onDone();
  };
  const again = async () => {
    const accepted = await attempt(() => rerunMany(batch.batchId, over.map((row) => row.executionId)));
    if (accepted) goToBatch(accepted);
  };
  const copy = async () => {
    await navigator.clipboard.writeText(rows.map((row) => row.workflowPath).join("\n"));
    toast(`Copied ${rows.length} names`, "completed");
  };
  return html`<div class="bulk" role="region" aria-label="Actions on many"><span class="strong num">${words}</span>
    ${!chosen.length && filter && html`<span class="small soft wide-only">Without a selection, actions apply to all that fit the filter.</span>`}<span class="grow"></span>
    <${Button} small icon="rerun" disabled=${over.length === 0} onClick=${again}>Run again (${over.length.toLocaleString()})<//>
    <${Button} small kind="danger" icon="stop" disabled=${active.length === 0} onClick=${stop}>Stop (${active.length.toLocaleString()})<//>
    <${Button} small kind="ghost" icon="copy" label="Copy the names" onClick=${copy} />
    ${chosen.length > 0 && html`<${Button} small kind="ghost" icon="close" label="Clear the selection" onClick=${onDone} />`}</div>`;
}

function useColumns(batch) {
  return useMemo(() => [
    { id: "status", title: "State", width: "116px", wideOnly: true, sort: (row) => STATUS_ORDER.indexOf(shownStatus(row)), render: (row) => html`<${StatusBadge} status=${shownStatus(row)} quiet />` },
    { id: "name", title: "Workflow", width: "minmax(140px, 1.4fr)", narrow: "minmax(0, 1fr)", sort: (row) => row.workflowPath.toLowerCase(), render: (row) => html`<${Name} row=${row} />` },
    { id: "now", title: "Details", width: "minmax(120px, 2fr)", wideOnly: true, render: (row) => html`<${Doing} row=${row} batch=${batch} />` },
    { id: "attempts", title: "Attempts", width: "74px", end: true, wideOnly: true, sort: (row) => row.attempts, render: (row) => row.attempts || html`<span class="faint">–</span>` },
    { id: "started", title: "Started", width: "108px", wideOnly: true, sort: (row) => row.startedAt, render: (row) => html`<span class="small soft"><${Time} at=${row.startedAt} clock /></span>` },
    { id: "duration", title: "Time", width: "84px", narrow: "66px", end: true, sort: (row) => (row.startedAt ? (row.endedAt ?? serverNow()) - row.startedAt : null), render: (row) => html`<span class="small"><${Duration} since=${row.startedAt} until=${row.endedAt} /></span>` },
  ], [batch.batchId]);
}

function Name({ row }) {
  const parts = row.workflowPath.split(/[/\\]/);
  const folder = parts.slice(0, -1).join("/");
  return html`<div class="row two-lines"><a class="row-link clip" href=${href("executions", row.executionId)} title=${row.workflowPath}>${folder && html`<span class="faint">${folder}/</span>`}${parts.at(-1)}</a>
    <span class="small narrow-only row"><${StatusBadge} status=${shownStatus(row)} quiet /></span></div>`;
}

function Doing({ row, batch }) {
  if (row.status === "running") return html`<span class="small soft">${row.currentNodeLabel ?? "starting"} <span class="faint"><${Duration} since=${row.nodeStartedAt} /></span></span>`;
  if (row.status === "paused") return html`<a class="small" href=${href("executions", row.executionId)} title=${row.pause?.message}>${row.pause?.message ?? "paused"}</a>`;
  if (row.status === "queued") {
    const why = whyWaiting(row, batchOf(batch.batchId).peek() || batch, queue.value).join(" ");
    return html`<span class="small faint" title=${why}>${why}</span>`;
  }
  if (!row.error || row.status === "completed") return html`<span class="faint small">${row.status === "completed" ? "" : WORDS[row.status]}</span>`;
  return html`<span class="small" title=${row.error.message}><span class="tag mono">${row.error.code}</span> <span class="soft">${row.error.message}</span></span>`;
}

function Invalid({ files }) {
  return html`<ul class="card invalid">${files.map((file) => html`<li key=${file.fileName} data-status="invalid"><${Icon} name="invalid" /><div><b>${file.fileName}</b>
    <ul class="small soft">${file.errors.map((text, index) => html`<li key=${index}>${text}</li>`)}</ul></div></li>`)}</ul>`;
}
