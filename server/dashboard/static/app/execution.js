// One execution: its workflow with live states, its page, what every node did, and the debugger.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { artifactUrl, call, get, isReport, rerunMany, stopExecution, workflowOf } from "./api.js";
import { BreakOnBar, useBreakpoints } from "./breakpoints.js";
import { useTopic } from "./connection.js";
import { Graph } from "./graph.js";
import { modelOf, typeTitle } from "./graph_model.js";
import { LogView } from "./log_view.js";
import { Gallery, Inspector, Lightbox, NodeList } from "./node_list.js";
import { PauseBar, askToPause } from "./pause_panel.js";
import { QuestionBar } from "./question_panel.js";
import { FINAL, whyWaiting } from "./reducers.js";
import { linesOf, picturesOf, reproduceCommand, statesOf } from "./results.js";
import { go, href, route, setQuery } from "./router.js";
import { batchOf, executionOf, queue } from "./store.js";
import { FinalValues, LiveValues } from "./values.js";
import { LivePicture } from "./wall.js";
import { ActionButton, Button, Command, Empty, Skeleton, Tabs, attempt, batchTitle, confirm, goToBatch } from "./parts/controls.js";
import { Icon, StatusBadge, shownStatus } from "./parts/status.js";
import { useKeys } from "./parts/keys.js";
import { Duration, Time, formatDuration, formatNumber } from "./parts/time.js";

/** The view. @param {{id: string}} given */
export function ExecutionView({ id }) {
  useTopic(`execution:${id}`);
  const execution = executionOf(id).value;
  useEffect(() => {
    // An execution's number leads to it, but events go by its id.
    if (execution && execution.executionId !== id) go("executions", execution.executionId);
  }, [execution?.executionId]);
  if (execution === null) return html`<${Skeleton} block lines=${5} />`;
  if (execution === false) {
    return html`<${Empty} page icon="search" title="There is no such execution" text=${`Nothing is known of ${id}: it may have been deleted.`} command="batchwright history"><a class="button" href=${href("history")}>Go to History</a><//>`;
  }
  return html`<${Execution} key=${execution.executionId} execution=${execution} />`;
}

function Execution({ execution }) {
  const { executionId, pause, status } = execution;
  const { document, fault } = useDocument(executionId);
  const isOver = FINAL.has(status);
  const points = useBreakpoints({
    key: `${executionId}/${isOver}/${pause?.number ?? ""}`,
    load: async () => (isOver || isReport ? {} : get(`/api/dashboard/executions/${executionId}/breakpoints`)),
    save: (set) => call("PUT", `/api/workflows/execution/${executionId}/breakpoints`, set),
  });
  const model = useMemo(() => document && modelOf(document), [document]);
  const states = useMemo(() => statesOf(execution), [execution]);
  const selectedId = route.value.query.get("node");
  const selected = model?.nodes.find((node) => node.id === selectedId) ?? null;
  const select = (nodeId) => setQuery({ node: nodeId === selectedId ? "" : nodeId });
  const [picture, setPicture] = useState(null);
  const pictures = useMemo(() => allPictures(execution), [execution.nodes, execution.error]);
  const canDebug = !isOver && !isReport;
  const isAlone = status === "queued" && !selected;
  return html`<${Head} execution=${execution} />
    ${status === "paused" && pause && !isReport && html`<${PauseBar} execution=${execution} selected=${selected} hasRun=${(states.get(selectedId)?.runs ?? 0) > 0} onStop=${() => askToStop(execution)} />`}
    ${status === "suspended" && execution.question && !isReport && html`<${QuestionBar} execution=${execution} />`}
    ${status === "queued" && html`<${Waiting} execution=${execution} />`}
    ${execution.error && ["failed", "interrupted"].includes(status) && html`<${Failure} execution=${execution} onNode=${select} onPicture=${setPicture} />`}
    <div class=${`execution ${isAlone ? "alone" : ""}`}>
      <div class="execution-main">
        <section class="card graph-card" aria-label="Workflow">
          ${document ? html`<${Graph} document=${document} states=${states} selected=${selectedId} onSelect=${select} current=${execution.currentNodeId}
            breakpoints=${points.byNode} onBreakpoint=${canDebug ? points.toggle : undefined} label=${`Workflow ${execution.workflowFileName}`} />`
            : fault ? html`<${Empty} icon="workflows" title="The workflow cannot be shown" text=${fault} />` : html`<${Skeleton} block lines=${2} />`}
          ${canDebug && html`<${BreakOnBar} points=${points} />`}
        </section>
        <${Parts} execution=${execution} pictures=${pictures} selected=${selectedId} select=${select} onPicture=${setPicture} />
      </div>
      ${!isAlone && html`<aside class="execution-side" aria-label="Page and values">
        ${selected && html`<${Inspector} node=${selected} results=${resultsOf(execution, selected.id)} state=${states.get(selected.id)} points=${canDebug ? points : null} onClose=${() => setQuery({ node: "" })} onPicture=${setPicture} />`}
        ${!isReport && ["running", "paused", "suspended"].includes(status) && html`<section class="card live-card" aria-label="Page"><div class="card-head"><h3 class="grow">Page</h3><span class="small soft clip">${execution.currentNodeLabel ?? ""}</span></div>
          <${LivePicture} large executionId=${executionId} label=${`Page of ${execution.workflowFileName}`} /></section>`}
        ${status === "paused" && pause && !isReport && html`<section class="card pad values-card" aria-label="Values"><${LiveValues} executionId=${executionId} pause=${pause} /></section>`}
        ${isOver && execution.videos.some(artifactUrl) && html`<section class="card pad" aria-label="Video"><h3>Video</h3>${execution.videos.filter(artifactUrl).map((path) => html`<video key=${path} class="video" controls preload="metadata" src=${artifactUrl(path)}></video>`)}</section>`}
        ${isOver && html`<section class="card pad values-card" aria-label="Values at the end"><${FinalValues} execution=${execution} /></section>`}
      </aside>`}
    </div>
    ${picture && html`<${Lightbox} pictures=${pictures} path=${picture} onPath=${setPicture} />`}`;
}

function Head({ execution }) {
  const { executionId, batch, status } = execution;
  const isOver = FINAL.has(status);
  const retries = batch.options.retries ?? 0;
  const facts = [
    ["Started", html`<${Time} at=${execution.startedAt} />`],
    [isOver ? "Took" : "Runs for", html`<${Duration} since=${execution.startedAt} until=${execution.endedAt} />`],
    ["Nodes", formatNumber(execution.nodesSeen)],
    ...(execution.attempts > 1 || retries > 0 ? [["Attempt", `${execution.attempts || 1} of ${Math.max(execution.attempts, retries + 1)}`]] : []),
    ["Number", `#${execution.alias}`],
  ];
  useKeys(isReport || isOver ? [] : [
    { keys: ["p"], text: "Pause before the next node", run: () => attempt(() => askToPause(executionId, "node"), "It pauses before its next node"), when: () => status === "running" },
    { keys: ["P"], text: "Pause at the next browser action", run: () => attempt(() => askToPause(executionId, "action"), "It pauses at its next browser action"), when: () => status === "running" },
  ]);
  return html`<div class="view-head"><div class="grow">
      <nav class="crumbs" aria-label="Where this is"><a href=${isReport ? href("batches", batch.batchId) : href()}>${isReport ? "Report" : "Live"}</a>
        ${!batch.single && html`<span aria-hidden="true">/</span><a href=${href("batches", batch.batchId)} class="clip">${batch.folderPath ? batchTitle(batch) : batch.batchId}</a>`}<span aria-hidden="true">/</span><span class="clip">${executionId}</span></nav>
      <div class="row wrap"><h1 class="execution-title" title=${execution.workflowPath}>${execution.workflowFileName}</h1><${StatusBadge} status=${shownStatus(execution)} /></div>
      <dl class="facts execution-facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></div>
    ${!isReport && html`<div class="row wrap">
      ${status === "running" && html`<div class="button-group"><${ActionButton} icon="pause" title="Before the next node (p)" done="It pauses before its next node" action=${() => askToPause(executionId, "node")}>Pause<//>
        <${ActionButton} title="Inside the node, before its next browser action (P)" done="It pauses at its next browser action" action=${() => askToPause(executionId, "action")}>at next action<//></div>`}
      ${!isOver && status !== "paused" && html`<${Button} kind="danger" icon="stop" onClick=${() => askToStop(execution)}>Stop<//>`}
      ${isOver && html`<${ActionButton} kind="primary" icon="rerun" action=${async () => goToBatch(single(await rerunMany(batch.batchId, [executionId])))}>Run again<//>`}
      ${execution.source && html`<a class="button" href=${href("workflows", execution.source.replace(/^\//, ""))}><${Icon} name="workflows" />Workflow file</a>`}</div>`}
  </div>`;
}

const single = (accepted) => (accepted.executions?.length === 1 ? { ...accepted, executionId: accepted.executions[0].executionId } : accepted);

async function askToStop(execution) {
  const sure = await confirm({
    title: "Stop this execution?", action: "Stop",
    text: `${execution.workflowFileName} ends in the middle of what it does, and its browser closes. It can only be run again from its start.`,
  });
  if (sure) await attempt(() => stopExecution(execution.executionId), "Stopped");
}

function Waiting({ execution }) {
  useTopic(`batch:${execution.batch.batchId}`);
  const batch = batchOf(execution.batch.batchId).value || execution.batch;
  const reasons = whyWaiting(execution, batch, queue.value);
  return html`<section class="notice waiting" data-status="queued" aria-label="Why it waits"><${Icon} name="queued" size=${18} />
    <div><h2>Waiting</h2><ul>${reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul></div></section>`;
}

function Failure({ execution, onNode, onPicture }) {
  const { error } = execution;
  const [variables, setVariables] = useState({});
  useEffect(() => {
    if (isReport) return;
    get(`/api/dashboard/executions/${execution.executionId}/variables`).then((answer) => setVariables(answer.variables), () => undefined);
  }, [execution.executionId]);
  const picture = error.screenshot && artifactUrl(error.screenshot);
  return html`<section class="card fault" data-status="failed" aria-label="Error">
    ${picture && html`<button type="button" class="fault-picture" onClick=${() => onPicture(error.screenshot)} aria-label="Enlarge the picture of the failure"><img src=${picture} alt="The page at the failure" /></button>`}
    <div class="fault-words">
      <div class="row wrap"><${Icon} name="failed" size=${18} status="failed" /><code class="fault-code">${error.code}</code>
        ${error.nodeId && html`<button type="button" class="tag" onClick=${() => onNode(error.nodeId)}>at ${error.nodeLabel ?? error.nodeId}${error.nodeType ? ` (${typeTitle(error.nodeType)})` : ""}</button>`}</div>
      <pre class="fault-message">${error.message}</pre>
      ${error.pageUrl && html`<p class="small page-line"><span class="faint">Page</span> <a href=${error.pageUrl} target="_blank" rel="noreferrer" class="clip">${error.pageUrl}</a></p>`}
      <h3 class="small soft">Run it again in a terminal</h3>
      <${Command}>${reproduceCommand(execution, variables)}<//>
      <p class="faint small">With <code>--break-on-error</code> it stops at the failure with the browser open.</p></div></section>`;
}

const PARTS = ["nodes", "log", "pictures", "attempts"];

function Parts({ execution: newest, pictures, selected, select, onPicture }) {
  const execution = useCalm(newest, newest.status !== "running");
  const asked = route.value.query.get("tab");
  const current = PARTS.includes(asked) ? asked : "nodes";
  const to = (tab) => href("executions", execution.executionId, { ...Object.fromEntries(route.value.query), tab: tab === "nodes" ? "" : tab });
  const isLog = current === "log";
  const lines = useMemo(() => (isLog ? linesOf(execution) : []), [isLog, execution.log, execution.nodes]);
  const items = [
    { id: "nodes", text: "Nodes", icon: "workflows", count: execution.nodesSeen, href: to("nodes") },
    { id: "log", text: "Log", icon: "file", count: execution.log.length + execution.nodes.length, href: to("log") },
    { id: "pictures", text: "Pictures", icon: "camera", count: pictures.length, href: to("pictures") },
    ...(execution.attempts > 1 && !isReport ? [{ id: "attempts", text: "Attempts", icon: "rerun", count: execution.attempts, href: to("attempts") }] : []),
  ];
  return html`<section class="card parts" aria-label="What it did"><${Tabs} items=${items} current=${current} label="What it did" />
    <div class="parts-body">
      ${current === "nodes" && html`<${NodeList} execution=${execution} selected=${selected} onSelect=${select} onPicture=${onPicture} />`}
      ${isLog && html`<${LogView} lines=${lines} isLive=${!FINAL.has(execution.status)} onNode=${select} />`}
      ${current === "pictures" && html`<${Gallery} pictures=${pictures} onPicture=${onPicture} />`}
      ${current === "attempts" && html`<${Attempts} execution=${execution} />`}</div></section>`;
}

function Attempts({ execution }) {
  const [events, setEvents] = useState(null);
  useEffect(() => {
    get(`/api/workflows/execution/${execution.executionId}/events?limit=10000`).then((answer) => setEvents(answer.events), () => setEvents([]));
  }, [execution.executionId, execution.attempts, execution.status]);
  if (!events) return html`<${Skeleton} lines=${2} />`;
  const ends = events.filter((event) => ["execution-retried", "execution-ended"].includes(event.type));
  return html`<ol class="attempts">${ends.map((event, index) => {
    const began = events.find((item) => item.type === "execution-started" && item.attempt === event.attempt);
    const status = event.status ?? (event.reason === "lost" ? "interrupted" : "failed");
    return html`<li key=${event.seq} class="attempt" data-status=${status}><${StatusBadge} status=${status} />
      <div class="grow"><b>Attempt ${index + 1}</b> <span class="faint small"><${Time} at=${began?.timestamp} clock />, ${formatDuration(began ? event.timestamp - began.timestamp : null)}</span>
      ${event.error && html`<p class="small"><code>${event.error.code}</code> ${event.error.message}</p>`}</div></li>`;
  })}</ol>`;
}

/** A value that changes faster than anybody reads, shown a few times a second; at once where it `isSettled`. */
function useCalm(value, isSettled) {
  const [shown, setShown] = useState(value);
  const calm = useRef({ latest: value, at: 0, timer: 0 }).current;
  calm.latest = value;
  useEffect(() => {
    if (isSettled || calm.timer) return;
    calm.timer = setTimeout(() => {
      Object.assign(calm, { timer: 0, at: performance.now() });
      setShown(calm.latest);
    }, Math.max(0, calm.at + CALM_MS - performance.now()));
  }, [value, isSettled]);
  useEffect(() => () => clearTimeout(calm.timer), []);
  return isSettled ? value : shown;
}

const CALM_MS = 250;

function useDocument(executionId) {
  const [seen, setSeen] = useState({ document: null, fault: "" });
  useEffect(() => {
    let isWanted = true;
    const show = (value) => isWanted && setSeen(value);
    workflowOf(executionId).then((document) => show({ document, fault: "" }), (error) => show({ document: null, fault: error.message }));
    return () => { isWanted = false; };
  }, [executionId]);
  return seen;
}

const resultsOf = (execution, nodeId) => execution.nodes.filter((item) => item.nodeId === nodeId);

function allPictures(execution) {
  const found = picturesOf(execution.nodes);
  const path = execution.error?.screenshot;
  if (path && !found.some((item) => item.path === path)) found.push({ path, caption: "At the failure", nodeId: execution.error.nodeId, timing: "failure" });
  return found;
}
