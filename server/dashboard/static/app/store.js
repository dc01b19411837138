// What the page knows: one signal for each thing it shows, changed by snapshots and events only.

import { batch as together, signal } from "../vendor/ui.js";
import { applyToBatch, applyToExecution, startBatch } from "./reducers.js";

/** "connecting", "live" or "stale": stale data is shown as such. */
export const connection = signal({ state: "connecting", since: Date.now(), caughtUp: null });
/** Server time minus this machine's, ms. */
export const clockSkew = signal(0);
/** A newer version is being served: {from, to} or null. */
export const upgrade = signal(null);
/** The queue's slots: {slots, inUse, waiting}. */
export const slots = signal({ slots: 0, inUse: 0, waiting: 0 });
/** Ids of the batches that run, newest last. */
export const runningIds = signal([]);
/** Batches that ended while this page was open, newest first: ids. */
export const endedIds = signal([]);

const batches = new Map();
const executions = new Map();

/** The signal of a batch; its value is null until a snapshot came, false if there is no such batch. */
export const batchOf = (id) => entry(batches, id);
/** The signal of an execution, likewise. */
export const executionOf = (id) => entry(executions, id);

/** Take a snapshot in. */
export function takeSnapshot({ topic, seq, state }) {
  together(() => {
    if (topic === "live") return takeLive(seq, state);
    const [kind, id] = split(topic);
    const known = entry(kind === "batch" ? batches : executions, id);
    known.seq = seq;
    known.value = state ?? false;
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
      const execution = executions.get(event.executionId);
      if (execution?.value && event.seq > execution.seq) {
        execution.value = applyToExecution(execution.value, event);
        execution.seq = event.seq;
      }
    }
    for (const [id, group] of byBatch) changeBatch(id, group);
  });
}

/** Keep only what is shown; the rest comes again as a snapshot when it is shown. */
export function keepOnly(topics) {
  for (const [kind, map] of [["batch", batches], ["execution", executions]]) {
    for (const id of map.keys()) {
      const isRunning = kind === "batch" && runningIds.value.includes(id);
      const isRecent = kind === "batch" && endedIds.value.includes(id);
      if (!topics.has(`${kind}:${id}`) && !isRunning && !isRecent) map.delete(id);
    }
  }
}

function takeLive(seq, state) {
  slots.value = { slots: state.slots, inUse: state.inUse, waiting: state.waiting };
  runningIds.value = state.batches.map((item) => item.batchId);
  for (const item of state.batches) {
    const known = entry(batches, item.batchId);
    known.seq = seq;
    known.value = item;
  }
}

function begin(event) {
  const known = entry(batches, event.batchId);
  if (known.value && known.seq >= event.seq) return;
  known.seq = event.seq;
  known.value = startBatch(event);
  if (!runningIds.value.includes(event.batchId)) runningIds.value = [...runningIds.value, event.batchId];
}

function changeBatch(id, events) {
  const known = batches.get(id);
  if (!known?.value) return;
  const fresh = events.filter((event) => event.seq > known.seq);
  if (fresh.length === 0) return;
  known.value = applyToBatch(known.value, fresh);
  known.seq = fresh.at(-1).seq;
  if (known.value.endedAt && runningIds.value.includes(id)) {
    runningIds.value = runningIds.value.filter((item) => item !== id);
    endedIds.value = [id, ...endedIds.value].slice(0, 20);
  }
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
  return [topic.slice(0, at), topic.slice(at + 1)];
}
