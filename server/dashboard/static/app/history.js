// History: past batches, how they developed, and how each workflow fared.

import { html, signal, uPlot, useEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { get, rerun } from "./api.js";
import { useTopic } from "./connection.js";
import { FILTER_HINT, StatusChips, matches, parseFilter } from "./filter.js";
import { go, href, route, setQuery } from "./router.js";
import { historyChanges } from "./store.js";
import { TICKS_MS, useWidth } from "./timeline.js";
import { ActionButton, Button, Command, CopyButton, Empty, Search, Skeleton, Tabs, Tags, batchHref, batchTitle, goToBatch } from "./parts/controls.js";
import { Counts, Icon, ProgressBar, StatusBadge, WORDS } from "./parts/status.js";
import { Table, sorted } from "./parts/table.js";
import { Duration, Time, formatDuration, formatExact } from "./parts/time.js";

const MOST_POINTS = 60;
const SETTLE_MS = 400;

const rowsRead = signal(null);

/** The view. */
export function HistoryView() {
  useTopic("history");
  const { query } = route.value;
  const workflow = query.get("workflow");
  return workflow ? html`<${OneWorkflow} key=${workflow} name=${workflow} />` : html`<${All} query=${query} />`;
}

/** What an address of the server answers, read anew after batches began or ended. */
function useAnswer(path) {
  const [state, setState] = useState({ answer: null, error: null });
  const changes = historyChanges.value;
  useEffect(() => {
    let gone = false;
    const read = () => get(path).then((answer) => gone || setState({ answer, error: null }), (error) => gone || setState((old) => ({ ...old, error })));
    const timer = state.answer ? setTimeout(read, SETTLE_MS) : void read();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [path, changes]);
  return state;
}

function All({ query }) {
  const tab = query.get("view") ?? "batches";
  const filter = query.get("q") ?? "";
  const singles = query.get("single") === "1";
  const { answer, error } = useAnswer("/api/dashboard/history");
  useEffect(() => { if (answer) rowsRead.value = answer; }, [answer]);
  const known = answer ?? rowsRead.value;
  const all = known?.rows ?? [];
  const base = useMemo(() => all.filter((row) => singles || !row.single), [all, singles]);
  const rows = useMemo(() => filtered(base, filter), [base, filter]);
  const counts = useMemo(() => statusCounts(base), [base]);
  if (!known) return error ? html`<${Problem} error=${error} />` : html`<${Skeleton} block lines=${6} />`;
  const to = (view) => href("history", "", { q: filter, single: singles ? "1" : "", view: view === "batches" ? null : view });
  const single = all.filter((row) => row.single).length;
  return html`<div class="view-head"><div class="grow"><h1>History</h1>
      <p class="soft num">${(known.total - single).toLocaleString()} batches, ${single.toLocaleString()} single runs${known.total > all.length ? ` · the newest ${all.length.toLocaleString()} are shown` : ""}</p></div></div>
    <${Tabs} current=${tab} label="Parts of the history" items=${[
      { id: "batches", text: "Batches", count: rows.length, href: to("batches") }, { id: "workflows", text: "Workflows", href: to("workflows") }]} />
    ${tab === "workflows" ? html`<${Workflows} filter=${filter} />` : html`
      <div class="toolbar"><${Search} value=${filter} label="Filter the batches" placeholder='s:failed @nightly text !not "two words"' hint=${FILTER_HINT} onInput=${(q) => setQuery({ q })} />
        <${StatusChips} filter=${filter} counts=${counts} />
        <button type="button" class="chip" aria-pressed=${String(singles)} onClick=${() => setQuery({ single: singles ? "" : "1" })}><b>${single}</b>Single runs</button></div>
      ${all.length === 0 ? html`<div class="card"><${Empty} icon="history" title="Nothing has run yet" text="Batches appear here when they start and stay when they are over." command="batchwright demo --workers 4" /></div>`
        : html`<${Trends} rows=${rows} /><${Batches} rows=${rows} onClear=${() => setQuery({ q: "" })} />`}`}`;
}

function filtered(rows, filter) {
  const terms = parseFilter(filter);
  if (terms.length === 0) return rows;
  return rows.filter((row) => matches(terms, {
    statuses: [row.status, ...(row.counts.flaky > 0 ? ["flaky"] : [])], tags: row.tags.map((tag) => tag.toLowerCase()),
    text: [row.batchId, row.folderPath, ...row.names, ...row.tags].join(" ").toLowerCase(),
  }));
}

function statusCounts(rows) {
  const counts = {};
  for (const row of rows) {
    counts[row.status] = (counts[row.status] ?? 0) + 1;
    if (row.counts.flaky > 0) counts.flaky = (counts.flaky ?? 0) + 1;
  }
  return counts;
}

function Trends({ rows }) {
  const points = useMemo(() => rows.filter((row) => row.endedAt && row.counts.total > 0).slice(0, MOST_POINTS).toReversed(), [rows]);
  const times = useMemo(() => points.map((row) => row.startedAt), [points]);
  const charts = useMemo(() => {
    const rate = points.map((row) => (row.counts.completed / row.counts.total) * 100);
    const words = (row, text) => pointWords(row.startedAt, `${batchTitle(row)}: ${text}`);
    return {
      rate: [{ label: "Passed", token: "--passed-fill", wash: "--passed-wash", values: rate, tell: (place) => words(points[place], `${rate[place].toFixed(1)} % passed`) }],
      time: [{ label: "Duration", token: "--accent", wash: "--accent-wash", values: points.map((row) => row.endedAt - row.startedAt), tell: (place) => words(points[place], formatDuration(points[place].endedAt - points[place].startedAt)) }],
      bad: [
        { label: "Failed", token: "--failed-fill", bars: true, values: points.map((row) => row.counts.failed + row.counts.flaky), tell: (place) => words(points[place], `${points[place].counts.failed} failed, ${points[place].counts.flaky} flaky`) },
        { label: "Flaky", token: "--flaky-fill", bars: true, values: points.map((row) => row.counts.flaky) }],
    };
  }, [points]);
  if (points.length < 2) return null;
  const total = points.reduce((sum, row) => sum + row.counts.total, 0);
  const sumOf = (name) => points.reduce((sum, row) => sum + row.counts[name], 0);
  const durations = points.map((row) => row.endedAt - row.startedAt).toSorted((a, b) => a - b);
  const pick = (place) => { location.hash = batchHref(points[place]); };
  return html`<div class="charts">
    <${Chart} title="Passed" summary=${`${((sumOf("completed") / total) * 100).toFixed(1)} % of ${total.toLocaleString()}`} times=${times} series=${charts.rate} range=${() => [0, 105]} format=${(value) => `${value} %`} onPick=${pick} />
    <${Chart} title="Duration of a batch" summary=${`median ${formatDuration(durations[Math.floor(durations.length / 2)])}`} times=${times} series=${charts.time} format=${formatDuration} onPick=${pick} />
    <${Chart} title="Failed and flaky" summary=${`${sumOf("failed")} failed, ${sumOf("flaky")} flaky`} times=${times} series=${charts.bad} format=${(value) => (Number.isInteger(value) ? String(value) : "")} onPick=${pick} /></div>`;
}

function BatchName({ row }) {
  return html`<div class="row two-lines"><a class="row-link clip" href=${batchHref(row)} title=${row.folderPath ?? row.batchId}>${batchTitle(row)}</a>
    <span class="row wide-only"><${Tags} tags=${row.tags} /></span>${row.rerunOf && html`<span class="faint wide-only" title=${`Again: ${row.rerunOf}`}><${Icon} name="rerun" size=${13} /></span>`}
    <span class="small faint narrow-only row"><${StatusBadge} status=${row.status} quiet /> <${Time} at=${row.startedAt} /></span></div>`;
}

const BATCH_COLUMNS = [
  { id: "status", title: "State", width: "116px", wideOnly: true, sort: (row) => row.status, render: (row) => html`<${StatusBadge} status=${row.status} quiet />` },
  { id: "name", title: "Batch", width: "minmax(130px, 1.3fr)", narrow: "minmax(0, 1fr)", sort: (row) => batchTitle(row).toLowerCase(), render: (row) => html`<${BatchName} row=${row} />` },
  { id: "result", title: "Result", width: "minmax(150px, 1.5fr)", wideOnly: true, sort: (row) => (row.counts.total ? row.counts.completed / row.counts.total : 1), render: (row) => html`<div class="result-cell"><${ProgressBar} counts=${row.counts} size="thin" /><${Counts} counts=${row.counts} /></div>` },
  { id: "failed", title: "Failed", width: "60px", narrow: "44px", end: true, sort: (row) => row.counts.failed, render: (row) => (row.counts.failed ? html`<b class="failed-number">${row.counts.failed}</b>` : html`<span class="faint">0</span>`) },
  { id: "started", title: "Started", width: "132px", wideOnly: true, sort: (row) => row.startedAt, render: (row) => html`<span class="small soft"><${Time} at=${row.startedAt} /></span>` },
  { id: "duration", title: "Time", width: "84px", narrow: "66px", end: true, sort: (row) => (row.endedAt ? row.endedAt - row.startedAt : null), render: (row) => html`<span class="small"><${Duration} since=${row.startedAt} until=${row.endedAt} /></span>` },
  { id: "again", title: "", width: "30px", wideOnly: true, render: (row) => row.counts.failed > 0 && row.endedAt && html`<${ActionButton} small kind="ghost" icon="rerun" label="Rerun failed" action=${async () => goToBatch(await rerun(row.batchId, "failed"))} />` },
];

function Batches({ rows, onClear }) {
  const sort = route.value.query.get("sort") ?? "";
  const shown = useMemo(() => sorted(rows, BATCH_COLUMNS, sort), [rows, sort]);
  if (rows.length === 0) return html`<div class="card"><${Empty} icon="search" title="Nothing matches" text="No batch fits the filter."><${Button} onClick=${onClear}>Clear the filter<//><//></div>`;
  return html`<${Table} label="Batches" columns=${BATCH_COLUMNS} rows=${shown} keyOf=${(row) => row.batchId} rowPx=${54} sort=${sort} onSort=${(next) => setQuery({ sort: next })}
    onOpen=${(row) => { location.hash = batchHref(row); }} most="calc(100dvh - 220px)" />`;
}

/** The last results of a workflow, oldest first. */
function Marks({ recent }) {
  const words = recent.map((status) => WORDS[status] ?? status).join(", ");
  return html`<span class="marks" role="img" aria-label=${`Last results: ${words}`} title=${words}>${recent.map((status, index) => html`<i key=${index} data-status=${status}></i>`)}</span>`;
}

// Of few runs a share says little: one bad one of one is no worse than ten of forty.
const share = (count, runs) => count / (runs + 5);

const WORKFLOW_COLUMNS = [
  { id: "name", title: "Workflow", width: "minmax(150px, 2fr)", narrow: "minmax(0, 1fr)", sort: (row) => row.name.toLowerCase(), render: (row) => html`<a class="row-link clip" href=${href("history", "", { workflow: row.key })} title=${row.key}>${row.name}</a>` },
  { id: "recent", title: "Last results", width: "minmax(120px, 1fr)", wideOnly: true, render: (row) => html`<${Marks} recent=${row.recent} />` },
  { id: "runs", title: "Runs", width: "64px", end: true, wideOnly: true, sort: (row) => row.runs, render: (row) => row.runs.toLocaleString() },
  { id: "rate", title: "Passed", width: "70px", narrow: "56px", end: true, sort: (row) => 1 - share(row.runs - row.passed, row.runs), render: (row) => `${Math.round((row.passed / row.runs) * 100)} %` },
  { id: "flaky", title: "Flaky", width: "70px", narrow: "56px", end: true, sort: (row) => share(row.flaky, row.runs), render: (row) => (row.flaky ? html`<b class="flaky-number">${Math.round((row.flaky / row.runs) * 100)} %</b>` : html`<span class="faint">0</span>`) },
  { id: "median", title: "Median", width: "84px", narrow: "66px", end: true, sort: (row) => row.medianMs, render: (row) => html`<${Duration} ms=${row.medianMs} />` },
  { id: "p95", title: "95 %", width: "84px", end: true, wideOnly: true, sort: (row) => row.p95Ms, render: (row) => html`<${Duration} ms=${row.p95Ms} />` },
  { id: "last", title: "Last run", width: "132px", wideOnly: true, sort: (row) => row.lastAt, render: (row) => html`<span class="small soft"><${Time} at=${row.lastAt} /></span>` },
];

const ORDERS = [["-flaky", "Flakiest"], ["rate", "Most failing"], ["-median", "Slowest"], ["-runs", "Most run"]];

function Workflows({ filter }) {
  const { answer, error } = useAnswer("/api/dashboard/insights");
  const sort = route.value.query.get("sort") ?? "-flaky";
  const rows = useMemo(() => {
    const terms = parseFilter(filter);
    return (answer?.workflows ?? []).filter((row) => matches(terms, { statuses: [row.recent.at(-1).toLowerCase()], tags: [], text: `${row.name} ${row.key}`.toLowerCase() }));
  }, [answer, filter]);
  const shown = useMemo(() => sorted(rows, WORKFLOW_COLUMNS, sort), [rows, sort]);
  if (!answer) return error ? html`<${Problem} error=${error} />` : html`<${Skeleton} lines=${6} />`;
  return html`<div class="toolbar"><${Search} value=${filter} label="Filter the workflows" placeholder="s:failed text !not" hint=${FILTER_HINT} onInput=${(q) => setQuery({ q })} />
      <div class="button-group" role="group" aria-label="Order">${ORDERS.map(([order, text]) => html`<${Button} key=${order} pressed=${sort === order} onClick=${() => setQuery({ sort: order })}>${text}<//>`)}</div></div>
    ${shown.length === 0 ? html`<div class="card"><${Empty} icon="workflows" title=${filter ? "Nothing matches" : "No workflow has run to an end yet"} command=${filter ? "" : "batchwright demo --workers 4"} /></div>`
      : html`<${Table} label="Workflows" columns=${WORKFLOW_COLUMNS} rows=${shown} keyOf=${(row) => row.key} sort=${sort} onSort=${(next) => setQuery({ sort: next })} onOpen=${(row) => go("history", "", { workflow: row.key })} />`}
    <p class="small faint table-foot">Over the newest ${answer.batches.toLocaleString()} batches and single runs.</p>`;
}

function OneWorkflow({ name }) {
  const { answer, error } = useAnswer(`/api/dashboard/insights/runs?${new URLSearchParams({ key: name, batches: "500" })}`);
  const runs = answer?.runs ?? [];
  const points = useMemo(() => runs.slice(0, MOST_POINTS).toReversed(), [runs]);
  const times = useMemo(() => points.map((run) => run.startedAt), [points]);
  const series = useMemo(() => {
    const of = (wanted, token) => ({ label: wanted, token, bars: true, values: points.map((run) => (statusOf(run) === wanted ? run.durationMs : null)),
      tell: (place) => (statusOf(points[place]) === wanted ? pointWords(points[place].startedAt, `${WORDS[wanted]}, ${formatDuration(points[place].durationMs)}`) : "") });
    return [of("completed", "--passed-fill"), of("flaky", "--flaky-fill"), of("failed", "--failed-fill"), of("stopped", "--stopped-fill"), of("interrupted", "--failed-fill")];
  }, [points]);
  if (!answer) return error ? html`<${Problem} error=${error} />` : html`<${Skeleton} block lines=${5} />`;
  const passed = runs.filter((run) => run.status === "completed").length;
  return html`<div class="view-head"><div class="grow"><nav class="crumbs" aria-label="Path"><a href=${href("history")}>History</a><span aria-hidden="true">/</span><a href=${href("history", "", { view: "workflows" })}>Workflows</a></nav>
      <h1 class="clip">${runs[0]?.name ?? name}</h1><p class="small soft mono row"><span class="clip">${name}</span><${CopyButton} text=${name} label="Copy the path" /></p></div></div>
    ${runs.length === 0 ? html`<div class="card"><${Empty} icon="history" title="It has not run to an end yet" text="Runs of this workflow appear here."><${Command}>${`batchwright run ${name}`}<//><//></div>` : html`
      ${runs.length > 1 && html`<div class="charts one"><${Chart} title="Time of each run" summary=${`${runs.length} runs, ${Math.round((passed / runs.length) * 100)} % passed`} times=${times} series=${series} format=${formatDuration}
        onPick=${(place) => go("executions", points[place].executionId)} /></div>`}
      <${Runs} runs=${runs} />`}`;
}

const statusOf = (run) => (run.flaky ? "flaky" : run.status);

const RUN_COLUMNS = [
  { id: "status", title: "State", width: "116px", narrow: "88px", sort: statusOf, render: (run) => html`<${StatusBadge} status=${statusOf(run)} quiet />` },
  { id: "started", title: "Started", width: "minmax(120px, 170px)", sort: (run) => run.startedAt, render: (run) => html`<a class="row-link" href=${href("executions", run.executionId)}><${Time} at=${run.startedAt} /></a>` },
  { id: "batch", title: "Batch", width: "minmax(120px, 190px)", wideOnly: true, render: (run) => html`<a class="small mono" href=${href("batches", run.batchId)}>${run.batchId}</a>` },
  { id: "error", title: "Error", width: "minmax(60px, 2fr)", wideOnly: true, sort: (run) => run.code ?? null, render: (run) => run.message && html`<span class="small" title=${run.message}><span class="tag mono">${run.code}</span> <span class="soft">${run.message}</span></span>` },
  { id: "attempts", title: "Attempts", width: "72px", end: true, wideOnly: true, sort: (run) => run.attempts, render: (run) => run.attempts },
  { id: "duration", title: "Time", width: "84px", narrow: "66px", end: true, sort: (run) => run.durationMs, render: (run) => html`<${Duration} ms=${run.durationMs} />` },
];

function Runs({ runs }) {
  const sort = route.value.query.get("sort") ?? "";
  const shown = useMemo(() => sorted(runs, RUN_COLUMNS, sort), [runs, sort]);
  return html`<${Table} label="Runs" columns=${RUN_COLUMNS} rows=${shown} keyOf=${(run) => run.executionId} sort=${sort} onSort=${(next) => setQuery({ sort: next })} onOpen=${(run) => go("executions", run.executionId)} />`;
}

function Problem({ error }) {
  return html`<div class="notice" data-status="failed" role="alert"><${Icon} name="failed" /><span>${error.message}</span></div>`;
}

// Charts over time, drawn by uPlot in the page's colours.

const HEIGHT_PX = 148;

/** The colour that a token stands for now, as the canvas needs it. */
function colour(element, token) {
  element.style.color = `var(${token})`;
  const found = getComputedStyle(element).color;
  element.style.color = "";
  return found;
}

/**
 * A chart of points over time; `series` are {label, token, values, format, bars?, fill?}, `onPick` gets the place of
 * a point that was clicked.
 */
function Chart({ title, summary = "", times, series, range = null, onPick = null, format }) {
  const box = useRef(null);
  const plot = useRef(null);
  const width = useWidth(box, 400);
  useEffect(() => {
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(box.current, { width, series, range, onPick, format }), dataOf(times, series), box.current);
    };
    draw();
    const onTheme = new MutationObserver(draw);
    onTheme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      onTheme.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [times, series, width]);
  return html`<figure class="card chart"><figcaption><span class="strong small">${title}</span><span class="chart-now num">${summary}</span></figcaption>
    <div ref=${box} class="chart-box" role="img" aria-label=${`${title}: ${summary}, over ${times.length} points`}></div></figure>`;
}

// By place, not by time: nights and weekends without runs are not worth a gap.
const dataOf = (times, series) => [times.map((_, place) => place), ...series.map((item) => item.values)];

function optionsOf(element, { width, series, range, onPick, format }) {
  const line = colour(element, "--line");
  const faint = colour(element, "--ink-faint");
  const axis = { stroke: faint, font: "11px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width, height: HEIGHT_PX, legend: { show: false }, padding: [10, 8, 4, 0],
    cursor: { y: false, points: { size: 7 }, bind: { click: onPick ? (self) => () => picked(self, onPick) : undefined } },
    // Half a place of air on both sides: bars stand on their places.
    scales: { x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] }, y: { range: range ?? ((_, low, high) => [0, (high || 1) * 1.12]) } },
    axes: [
      { ...axis, show: false },
      { ...axis, ...(format === formatDuration ? { size: 76, incrs: TICKS_MS } : { size: 50 }), gap: 4, space: 34, values: (_, splits) => splits.map((value) => (format ? format(value) : String(value))) },
    ],
    series: [{}, ...series.map((item) => {
      const stroke = colour(element, item.token);
      const fill = item.bars ? stroke : colour(element, item.wash ?? item.token);
      return { label: item.label, stroke, width: item.bars ? 0 : 2, fill: item.bars || item.wash ? fill : undefined,
        paths: item.bars ? uPlot.paths.bars({ size: [0.7, 26], radius: 0.25 }) : undefined,
        points: { show: !item.bars, size: 5, stroke, fill: stroke }, spanGaps: true };
    })],
    hooks: { setCursor: [(self) => tell(self, series)] },
  };
}

function picked(self, onPick) {
  const place = self.cursor.idx;
  if (place !== null && place !== undefined) onPick(place);
}

function tell(self, series) {
  const place = self.cursor.idx;
  const text = place === null || place === undefined ? "" : series.map((item) => item.tell?.(place)).filter(Boolean).join("\n");
  if (self.root.title !== text) self.root.title = text;
}

/** The words of a point: when, and what. */
const pointWords = (at, text) => `${text}\n${formatExact(at)}`;
