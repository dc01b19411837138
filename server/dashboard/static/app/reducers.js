// State as a fold of events, the same rules as batches/state.py: pure functions, nothing but data.
// Live pages go on from a snapshot with these; a report shows a finished batch with the same.

/** @typedef {{code: string, message: string, nodeId?: ?string, nodeLabel?: ?string, nodeType?: ?string,
 *   pageUrl?: ?string, screenshot?: ?string}} ErrorInfo */
/** @typedef {{executionId: string, alias: number, workflowFileName: string, workflowPath: string,
 *   source: ?string, status: string, attempts: number, failures: number, startedAt: ?number,
 *   endedAt: ?number, currentNodeId: ?string, currentNodeLabel: ?string, nodeStartedAt: ?number,
 *   nodesSeen: number, error: ?ErrorInfo, pause: ?object, question: ?object, notRun: boolean}} Row */
/** @typedef {Row & {batch: object, nodes: object[], log: object[], data: object, variables: object,
 *   videos: string[]}} Execution */
/** @typedef {{batchId: string, status: string, startedAt: number, endedAt: ?number, workers: number,
 *   executions: Row[], invalid: object[], options: Record<string, any>}} Batch */
/** @typedef {{slots: number, inUse: number, waiting: number, parked: number, lanes: {batchId: string,
 *   cap: number, priority: number, running: number, waiting: number, returning: number}[]}} Queue */

export const FINAL = new Set(["completed", "failed", "stopped", "interrupted"]);
export const STATUSES = ["running", "paused", "suspended", "queued", "completed", "failed", "stopped", "interrupted"];
const MOST_KEPT = 2000;

const nowhere = { currentNodeId: null, currentNodeLabel: null, nodeStartedAt: null, pause: null, question: null };

/** A row with everything that a snapshot leaves out because it is nothing yet. @returns {Row} */
export const rowOf = (given) => ({
  source: null, status: "queued", attempts: 0, failures: 0, startedAt: null, endedAt: null, nodesSeen: 0, error: null,
  notRun: false, ...nowhere, ...given,
});

/** A row after an event of its execution; the same object if nothing changed. */
export function applyToRow(row, event) {
  switch (event.type) {
    case "execution-started":
      return { ...row, status: "running", attempts: event.attempt, startedAt: row.startedAt ?? event.timestamp,
        error: null, nodesSeen: 0 };
    case "execution-retried":
      return { ...row, ...nowhere, status: "queued", error: event.error,
        failures: row.failures + (event.reason === "failed" ? 1 : 0) };
    case "execution-ended":
      return { ...row, ...nowhere, status: event.status, endedAt: event.timestamp, error: event.error,
        notRun: row.attempts === 0 && event.status !== "failed" };
    case "execution-paused":
      return { ...row, status: "paused", currentNodeId: event.nodeId, currentNodeLabel: event.nodeLabel,
        pause: { ...event, number: event.pause, since: event.timestamp } };
    case "execution-continued":
      return { ...row, status: "running", pause: null };
    case "execution-suspended":
      return { ...row, status: "suspended", currentNodeId: event.nodeId, currentNodeLabel: event.nodeLabel ?? row.currentNodeLabel,
        question: { ...event, number: event.question, since: event.timestamp } };
    case "execution-resumed":
      return { ...row, status: "running", question: null };
    case "node-started":
      return { ...row, currentNodeId: event.nodeId, currentNodeLabel: event.nodeLabel ?? event.nodeType,
        nodeStartedAt: event.timestamp };
    case "node-ended":
      return { ...row, nodesSeen: row.nodesSeen + 1 };
    default:
      return row;
  }
}

/** An execution with its nodes and log after one of its events. */
export function applyToExecution(execution, event) {
  const next = { ...applyToRow(execution, event) };
  if (event.type === "execution-started") next.nodes = [];
  if (event.type === "node-ended") next.nodes = append(execution.nodes, event);
  if (event.type === "log") next.log = append(execution.log, event);
  if (event.type === "execution-ended") {
    next.data = event.data;
    next.variables = event.variables;
    next.videos = event.videos;
  }
  return next;
}

/** A batch after events of it, in order; rows that did not change stay the same objects. */
export function applyToBatch(batch, events) {
  let next = batch;
  let rows = null;
  const places = placesOf(batch);
  for (const event of events) {
    if (event.type === "batch-ended") {
      next = { ...next, status: event.status, endedAt: event.timestamp, error: event.error };
      continue;
    }
    const place = places.get(event.executionId);
    if (place === undefined) continue;
    const row = (rows ?? batch.executions)[place];
    const changed = applyToRow(row, event);
    if (changed === row) continue;
    rows ??= batch.executions.slice();
    rows[place] = changed;
  }
  return rows ? { ...next, executions: rows } : next;
}

/** A batch from its first event. */
export function startBatch(event) {
  return withPlaces({
    batchId: event.batchId, status: "running", sourceType: event.sourceType, folderPath: event.folderPath,
    workers: event.workers, single: event.single, startedAt: event.timestamp, endedAt: null,
    options: event.options, invalid: event.invalid, error: null, executions: event.members.map(rowOf),
  });
}

/** A batch from a snapshot. */
export const batchFrom = (state) => withPlaces({ ...state, executions: state.executions.map(rowOf) });

/** An execution from a snapshot. */
export const executionFrom = (state) => rowOf(state);

/** How many executions are in each state; `flaky` and `notRun` are counted beside them. */
export function countsOf(rows) {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0]));
  counts.flaky = 0;
  counts.notRun = 0;
  for (const row of rows) {
    counts[row.status] += 1;
    if (isFlaky(row)) counts.flaky += 1;
    if (row.notRun) counts.notRun += 1;
  }
  counts.total = rows.length;
  return counts;
}

export const isFlaky = (row) => row.status === "completed" && row.failures > 0;

/** A batch as lists show it. */
export function listRow(batch) {
  return {
    batchId: batch.batchId, status: batch.status, sourceType: batch.sourceType, folderPath: batch.folderPath,
    workers: batch.workers, single: batch.single, startedAt: batch.startedAt, endedAt: batch.endedAt,
    invalid: batch.invalid.length, counts: countsOf(batch.executions), tags: batch.options.tags ?? [],
    rerunOf: batch.options.rerunOf ?? null, names: batch.executions.slice(0, 10).map((row) => row.workflowFileName),
    executionId: batch.single ? (batch.executions[0]?.executionId ?? null) : null,
  };
}

/**
 * How fast a batch goes: executions that ended per minute over the last ones, and how long the rest takes, ms.
 * Null where too little has happened to tell.
 */
export function paceOf(batch, now) {
  const ends = [];
  let left = 0;
  for (const row of batch.executions) {
    if (row.endedAt && row.attempts > 0) ends.push(row.endedAt);
    else if (!FINAL.has(row.status)) left += 1;
  }
  if (ends.length < 2 || batch.endedAt) return { perMinute: null, leftMs: null };
  ends.sort((a, b) => a - b);
  const recent = ends.slice(-PACE_OF);
  const began = ends.length > recent.length ? ends.at(-recent.length - 1) : batch.startedAt;
  const each = Math.max(1, (Math.max(now, recent.at(-1)) - began) / recent.length);
  return { perMinute: 60_000 / each, leftMs: left * each };
}

const PACE_OF = 30;

/**
 * Why an execution does not run: what it waits for, in sentences.
 *
 * @param {Row} row @param {?Batch} batch @param {Queue} queue @returns {string[]} Nothing if it does not wait.
 */
export function whyWaiting(row, batch, queue) {
  if (row.status === "paused") return row.pause ? [row.pause.message] : [];
  if (row.status === "suspended") return row.question ? [`It asks: ${row.question.text}`] : [];
  if (row.status !== "queued") return [];
  const reasons = row.attempts > 0 ? [`Attempt ${row.attempts} ended (${row.error?.code ?? "error"}); it is tried again.`] : [];
  const lane = queue.lanes.find((item) => item.batchId === (batch?.batchId ?? row.batch?.batchId));
  if (!lane) return [...reasons, "It waits for its turn."];
  if (lane.running >= lane.cap) {
    reasons.push(`Its batch runs at most ${many(lane.cap, "workflow")} at a time, and ${lane.running} ${lane.running === 1 ? "runs" : "run"}.`);
  } else if (queue.inUse >= queue.slots) {
    reasons.push(`All ${many(queue.slots, "slot")} of the server ${queue.slots === 1 ? "is" : "are"} taken: ${holders(queue, lane)}.`);
  } else {
    reasons.push("A slot is free: it starts in a moment.");
    return reasons;
  }
  const before = queue.lanes.filter((item) => item.priority > lane.priority && item.waiting > 0);
  for (const item of before) reasons.push(`${item.batchId} goes first: priority ${item.priority}, ${item.waiting} waiting.`);
  const place = placeInLine(row, batch);
  if (place !== null) reasons.push(place === 1 ? "It is next in its batch." : `${place - 1} of its batch ${place === 2 ? "is" : "are"} before it.`);
  return reasons;
}

const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function holders(queue, own) {
  const running = queue.lanes.filter((item) => item.running > 0);
  return running.map((item) => `${item.running} by ${item === own ? "this batch" : item.batchId}`).join(", ");
}

function placeInLine(row, batch) {
  if (!batch?.executions || batch.options?.order === "longest-first" || row.attempts > 0) return null;
  let place = 0;
  for (const item of batch.executions) {
    if (item.status === "queued" && item.attempts === 0) place += 1;
    if (item.executionId === row.executionId) return place;
  }
  return null;
}

const placesByBatch = new WeakMap();

/** Rows keep their places for as long as a batch lives: all its later states share one table of them. */
function withPlaces(batch) {
  const key = {};
  placesByBatch.set(key, new Map(batch.executions.map((row, place) => [row.executionId, place])));
  return { ...batch, placesKey: key };
}

const placesOf = (batch) => placesByBatch.get(batch.placesKey);

function append(list, item) {
  return list.length < MOST_KEPT ? [...list, item] : list;
}
