// What the page knows: one signal for each thing it shows, changed by snapshots and events only.

import { batch as together, signal } from "../vendor/ui.js";
import { applyToBatch, applyToExecution, batchFrom, executionFrom, listRow, startBatch } from "./reducers.js";

/** "connecting", "live", "stale" or "report": stale data is shown as such. */
export const connection = signal({ state: "connecting", since: Date.now(), caughtUp: null });
/** Server time minus this machine's, ms. */
export const clockSkew = signal(0);
/** A newer version is being served: {from, to} or null. */
export const upgrade = signal(null);
/** The queue as the server has it. @type {{value: import("./reducers.js").Queue}} */
export const queue = signal({ slots: 0, inUse: 0, waiting: 0, parked: 0, lanes: [] });
/** Ids of the batches that run, newest last; null until the first snapshot of "live". */
export const runningIds = signal(null);
/** Batches that ended lately, newest first, as lists show them. */
export const recent = signal([]);
/** Counts what begins and ends: who shows a list of batches reads it anew. */
export const historyChanges = signal(0);

const MOST_RECENT = 12;
const batches = new Map();
const executions = new Map();

/** The signal of a batch; its value is null until a snapshot came, false if there is no such batch. */
export const batchOf = (id) => entry(batches, id);
/** The signal of an execution, likewise. */
export const executionOf = (id) => entry(executions, id);

/** Take a snapshot in. */
export function takeSnapshot({ topic, seq, state }) {
  together(() => {
    const [kind, id] = split(topic);
    if (kind === "live") takeLive(seq, state);
    else if (kind === "batch") set(batches, id, seq, state && batchFrom(state));
    else if (kind === "execution") set(executions, id, seq, state && executionFrom(state));
  });
}

/** Take numbered events in; what a snapshot already holds is left out. */
export function takeEvents(events) {
  together(() => {
    const byBatch = new Map();
    for (const event of events) {
      if (event.type === "batch-started") begin(event);
      else if (byBatch.has(event.batchId)) byBatch.get(event.batchId).push(event);
      else byBatch.set(event.batchId, [event]);
      if (event.type === "batch-started" || event.type === "batch-ended") historyChanges.value += 1;
      changeExecution(event);
    }
    for (const [id, group] of byBatch) changeBatch(id, group);
  });
}

/** Keep only what is shown; the rest comes again as a snapshot when it is shown. */
export function keepOnly(topics) {
  const live = new Set(topics.has("live") ? runningIds.peek() : []);
  for (const [kind, map] of [["batch", batches], ["execution", executions]]) {
    for (const id of map.keys()) {
      if (!topics.has(`${kind}:${id}`) && !(kind === "batch" && live.has(id))) map.delete(id);
    }
  }
  if (!topics.has("live")) runningIds.value = null;
}

function takeLive(seq, state) {
  runningIds.value = state.batches.map((item) => item.batchId);
  recent.value = state.recent;
  for (const item of state.batches) set(batches, item.batchId, seq, batchFrom(item));
}

function begin(event) {
  const known = entry(batches, event.batchId);
  if (known.seq >= event.seq) return;
  known.seq = event.seq;
  known.value = startBatch(event);
  if (runningIds.value && !runningIds.value.includes(event.batchId)) runningIds.value = [...runningIds.value, event.batchId];
}

function changeBatch(id, events) {
  const known = batches.get(id);
  if (!known?.value) return;
  const fresh = events.filter((event) => event.seq > known.seq);
  if (fresh.length === 0) return;
  known.value = applyToBatch(known.value, fresh);
  known.seq = fresh.at(-1).seq;
  if (known.value.endedAt && runningIds.value?.includes(id)) {
    runningIds.value = runningIds.value.filter((item) => item !== id);
    recent.value = [listRow(known.value), ...recent.value.filter((item) => item.batchId !== id)].slice(0, MOST_RECENT);
  }
}

function changeExecution(event) {
  const known = executions.get(event.executionId);
  if (!known?.value || event.seq <= known.seq) return;
  known.value = applyToExecution(known.value, event);
  known.seq = event.seq;
}

function set(map, id, seq, value) {
  const known = entry(map, id);
  known.seq = seq;
  known.value = value || false;
}

function entry(map, id) {
  let known = map.get(id);
  if (!known) {
    known = signal(null);
    known.seq = 0;
    map.set(id, known);
  }
  return known;
}

function split(topic) {
  const at = topic.indexOf(":");
  return at < 0 ? [topic, ""] : [topic.slice(0, at), topic.slice(at + 1)];
}
