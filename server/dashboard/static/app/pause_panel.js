// An execution that is paused: where, why, since when and by whom, and everything that ends the pause.

import { html } from "../vendor/ui.js";
import { post } from "./api.js";
import { ActionButton, attempt } from "./parts/controls.js";
import { Icon } from "./parts/status.js";
import { useKeys } from "./parts/keys.js";
import { Duration, Time, formatDuration, useNow } from "./parts/time.js";

/** Who acts from these pages, as events and history say it. */
export const OWNER = "dashboard";

const REASONS = {
  breakpoint: "Breakpoint", "wait-pause": "Wait node", error: "The node failed", requested: "Asked to pause", slow: "The node was slow",
};
const PLACES = { pre: "before", post: "after", error: "at the failure of", action: "inside" };

/** Every action at a pause: its key, its words, and where it applies. */
const ACTIONS = [
  { action: "continue", key: "c", icon: "play", text: "Continue", kind: "primary", hint: "Go on to the next breakpoint or the end" },
  { action: "step", key: "n", icon: "step", text: "Step", hint: "Run one node and pause again" },
  { action: "stepOver", key: "v", icon: "stepOver", text: "Step over", hint: "The same, with a whole loop or reusable flow as one step", not: ["action"] },
  { action: "runTo", key: "g", icon: "runTo", text: "Run to", hint: "Run on and pause before the selected node", not: ["action"], target: true },
  { action: "retry", key: "r", icon: "rerun", text: "Retry", hint: "Run the node again that has run or failed", not: ["pre", "action"] },
  { action: "skip", key: "s", icon: "skipped", text: "Skip", hint: "Leave the node out", not: ["post", "action"] },
  { action: "repeatFrom", key: "e", icon: "back", text: "Repeat from", hint: "Go back to the selected node, which ran before", not: ["action"], target: true, ran: true },
  { action: "continueWithoutBreakpoint", key: "w", icon: "breakpointOff", text: "Ignore breakpoints", hint: "Go on to the end; no breakpoint counts any more" },
];

/** Send a pause control. */
export const control = (executionId, action, nodeId = undefined) =>
  post("/api/workflows/execution/pause-control", { executionId, action, nodeId, owner: OWNER });

/** Ask a running execution to pause: before its next node, or at its next browser action. */
export const askToPause = (executionId, level) =>
  post(`/api/workflows/execution/${executionId}/pause`, { level, owner: OWNER });

/**
 * The bar of a paused execution.
 *
 * @param {{execution: object, selected: ?object, hasRun: boolean, onStop: () => void}} given `selected` is the node
 *   that "Run to" and "Repeat from" mean; `hasRun` says whether it ran already.
 */
export function PauseBar({ execution, selected, hasRun, onStop }) {
  const { pause, executionId } = execution;
  const actions = ACTIONS.map((item) => ({ ...item, refusal: refusalOf(item, pause, selected, hasRun) }));
  const run = (item) => control(executionId, item.action, item.target ? selected?.id : undefined);
  const said = (answer) => (answer.waitsForWorker ? "It goes on when a worker is free" : "");
  useKeys([
    ...actions.map((item) => ({ keys: [item.key], text: item.hint, group: "Paused", when: () => !item.refusal, run: () => attempt(() => run(item), said) })),
    { keys: ["X"], text: "Stop the execution", group: "Paused", run: onStop },
  ]);
  return html`<section class="pause-bar card" data-status="paused" aria-label="Paused">
    <div class="pause-words">
      <span class="pause-mark"><${Icon} name="paused" size=${22} /></span>
      <div class="grow"><h2>${REASONS[pause.reason] ?? "Paused"}: <span class="pause-where">${PLACES[pause.at] ?? "at"} ${pause.nodeLabel ?? pause.nodeId}</span></h2>
        <p class="small soft">${pause.message}</p>
        ${pause.note && html`<p class="soft">“${pause.note}”</p>`}
        <p class="small soft pause-facts"><span>Since <${Time} at=${pause.since} clock /> (<${Duration} since=${pause.since} />)</span>
          ${pause.owner && html`<span>by ${pause.owner}</span>`}
          ${isRound(pause) && html`<span>round ${pause.iteration + 1}</span>`}
          <${Countdown} since=${pause.since} timeoutMs=${pause.timeoutMs} words=${`${pause.onTimeout === "continue" ? "goes on" : "is stopped"} by itself`} /></p></div></div>
    <div class="pause-actions" role="toolbar" aria-label="How it goes on">
      ${actions.map((item) => html`<${ActionButton} key=${item.action} kind=${item.kind ?? ""} icon=${item.icon} disabled=${Boolean(item.refusal)} done=${said}
        title=${`${item.refusal || item.hint} (${item.key})`} data-action=${item.action} action=${() => run(item)}>${item.text}${item.target && selected && !item.refusal ? html` <span class="clip pause-target">${selected.title}</span>` : ""}<kbd aria-hidden="true">${item.key}</kbd><//>`)}
      <${ActionButton} kind="danger" icon="stop" title="End the execution (X)" data-action="stop" action=${onStop}>Stop<kbd aria-hidden="true">X</kbd><//>
    </div></section>`;
}

function refusalOf(item, pause, selected, hasRun) {
  if (item.not?.includes(pause.at)) return REFUSALS[item.action]?.[pause.at] ?? `Not possible ${PLACES[pause.at]} a node`;
  if (item.target && !selected) return `${item.hint}: select one first`;
  if (item.ran && !hasRun) return "The selected node has not run yet";
  if (item.action === "runTo" && selected.id === pause.nodeId && pause.at === "pre") return "It stands at this node already";
  return "";
}

const REFUSALS = {
  retry: { pre: "The node has not run yet" },
  skip: { post: "The node has run already" },
};

const isRound = (pause) => pause.iteration !== null && pause.iteration !== undefined;

/** How long somebody has until it goes on without them; nothing if it waits for ever. */
export function Countdown({ since, timeoutMs, words }) {
  const now = useNow(Boolean(timeoutMs));
  if (!timeoutMs) return null;
  const left = Math.max(0, since + timeoutMs - now);
  return html`<span class=${left < SOON_MS ? "pause-soon" : ""}>${words} in <b class="num">${formatDuration(Math.ceil(left / 1000) * 1000)}</b></span>`;
}

const SOON_MS = 60_000;
