// State as a fold of events, the same rules as batches/state.py: pure functions, nothing but data.
// Live pages go on from a snapshot with these; a report replays a finished batch with them.

/** @typedef {{executionId: string, alias: number, workflowFileName: string, workflowPath: string,
 *   source: ?string, status: string, attempts: number, failures: number, startedAt: ?number,
 *   endedAt: ?number, currentNodeId: ?string, currentNodeLabel: ?string, nodeStartedAt: ?number,
 *   nodesSeen: number, error: ?object, pause: ?object, notRun: boolean}} Row */
/** @typedef {Row & {batch: object, nodes: object[], log: object[], data: object, variables: object,
 *   videos: string[]}} Execution */
/** @typedef {{batchId: string, status: string, startedAt: number, endedAt: ?number, workers: number,
 *   executions: Row[], invalid: object[]}} Batch */

export const FINAL = new Set(["completed", "failed", "stopped", "interrupted"]);
export const STATUSES = ["running", "paused", "suspended", "queued", "completed", "failed", "stopped", "interrupted"];
const MOST_KEPT = 2000;

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
        pause: { ...event, since: event.timestamp } };
    case "execution-continued":
      return { ...row, status: event.waits ? "queued" : "running", pause: null };
    case "node-started":
      return { ...row, currentNodeId: event.nodeId, currentNodeLabel: event.nodeLabel,
        nodeStartedAt: event.timestamp };
    case "node-ended":
      return { ...row, nodesSeen: row.nodesSeen + 1 };
    default:
      return row;
  }
}

const nowhere = { currentNodeId: null, currentNodeLabel: null, nodeStartedAt: null, pause: null };

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
    rows ??= batch.executions.slice();
    rows[place] = applyToRow(rows[place], event);
  }
  return rows ? { ...next, executions: rows } : next;
}

/** A batch from its first event. */
export function startBatch(event) {
  return {
    batchId: event.batchId, status: "running", sourceType: event.sourceType, folderPath: event.folderPath,
    workers: event.workers, single: event.single, startedAt: event.timestamp, endedAt: null,
    options: event.options, invalid: event.invalid, error: null,
    executions: event.members.map((member) => ({
      ...member, ...nowhere, status: "queued", attempts: 0, failures: 0, startedAt: null, endedAt: null,
      nodesSeen: 0, error: null, notRun: false,
    })),
  };
}

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

const placesByMembers = new WeakMap();

function placesOf(batch) {
  // Rows keep their places for as long as a batch lives, so the table is found by its first member list.
  const key = batch.placesKey ?? (batch.placesKey = {});
  let places = placesByMembers.get(key);
  if (!places) {
    places = new Map(batch.executions.map((row, place) => [row.executionId, place]));
    placesByMembers.set(key, places);
  }
  return places;
}

function append(list, item) {
  return list.length < MOST_KEPT ? [...list, item] : list;
}
