// What an execution's node results say about each node and each round of a loop. Pure functions, nothing but data.

import { typeTitle } from "./graph_model.js";
import { formatDuration } from "./parts/time.js";

/** @typedef {{status: string, runs: number, totalMs: number, last: ?object, since: ?number, failures: number}} NodeState */
/** @typedef {{kind: "node" | "round", key: string, depth: number, result?: object, status: string, loopId?: string,
 *   iteration?: number, durationMs?: number, count?: number, left?: number, children: ListRow[]}} ListRow */

/** How each node stands, by its id; nodes that have not been reached are missing. @returns {Map<string, NodeState>} */
export function statesOf(execution) {
  const states = new Map();
  for (const result of execution.nodes) {
    const known = states.get(result.nodeId);
    states.set(result.nodeId, {
      status: result.status, runs: (known?.runs ?? 0) + 1, totalMs: (known?.totalMs ?? 0) + result.durationMs, last: result,
      since: null, failures: (known?.failures ?? 0) + (result.status === "failed" ? 1 : 0),
    });
  }
  if (!["running", "paused", "suspended"].includes(execution.status)) return states;
  for (const loopId of openLoops(execution.nodes)) begin(states, loopId, "running", null);
  const { pause, currentNodeId } = execution;
  const hasRun = pause && pause.at !== "pre" && pause.at !== "action";
  if (currentNodeId && (execution.status !== "running" || !isOver(execution))) {
    begin(states, currentNodeId, execution.status, pause && hasRun ? null : execution.nodeStartedAt);
  }
  return states;
}

/** Whether the current node has its result already and the next has not begun. */
function isOver(execution) {
  const last = execution.nodes.at(-1);
  return last?.nodeId === execution.currentNodeId && last.timestamp >= execution.nodeStartedAt && last.durationMs <= last.timestamp - execution.nodeStartedAt + 1000;
}

function begin(states, nodeId, status, since) {
  const known = states.get(nodeId);
  states.set(nodeId, { runs: 0, totalMs: 0, last: null, failures: 0, ...known, status, since });
}

/** Loops with rounds after their last result: they run. */
function openLoops(nodes) {
  const open = new Set();
  for (const { nodeId, parentLoopNodeId } of nodes) {
    open.delete(nodeId);
    if (parentLoopNodeId) open.add(parentLoopNodeId);
  }
  return open;
}

/** Node results as a list in which the rounds of a loop lie under the loop. @returns {ListRow[]} */
export function rowsOf(nodes) {
  const waiting = new Map();
  const top = [];
  nodes.forEach((result, index) => {
    const rounds = waiting.get(result.nodeId) ?? [];
    waiting.delete(result.nodeId);
    const row = { kind: "node", key: `n${index}`, result, status: result.status, children: closed(rounds) };
    const { parentLoopNodeId: loopId, iteration } = result;
    if (!loopId) {
      top.push(row);
      return;
    }
    const known = waiting.get(loopId) ?? [];
    waiting.set(loopId, known);
    let round = known.at(-1);
    if (round?.iteration !== iteration) {
      round = { kind: "round", key: `r${index}`, loopId, iteration, children: [] };
      known.push(round);
    }
    round.children.push(row);
  });
  for (const rounds of waiting.values()) top.push(...closed(rounds));
  return top;
}

function closed(rounds) {
  return rounds.map((round, index) => ({
    ...round, status: round.children.some((row) => row.status === "failed") ? "failed" : "completed", left: rounds.length - index,
    durationMs: round.children.reduce((sum, row) => sum + row.result.durationMs, 0), count: round.children.length,
  }));
}

/** The rows that are seen, given which are open. @returns {ListRow[]} */
export function flat(rows, isOpen, depth = 0) {
  return rows.flatMap((row) => [
    { ...row, depth }, ...(row.children.length > 0 && isOpen(row) ? flat(row.children, isOpen, depth + 1) : []),
  ]);
}

/**
 * What was logged and what each node came to, in order: {seq, timestamp, level, message, nodeId}. Nodes are told of on
 * the level "node", those that failed on "error".
 */
export function linesOf({ log, nodes }) {
  const lines = [];
  let next = 0;
  for (const line of log) {
    while (next < nodes.length && nodes[next].seq < line.seq) lines.push(lineOf(nodes[next++]));
    lines.push(line);
  }
  while (next < nodes.length) lines.push(lineOf(nodes[next++]));
  return lines;
}

/** The line of each result, made once. */
const made = new WeakMap();

const ENDINGS = { completed: "passed", failed: "failed", skipped: "was skipped", bypassed: "was bypassed" };

function lineOf(result) {
  if (!made.has(result)) made.set(result, newLine(result));
  return made.get(result);
}

function newLine(result) {
  const round = result.iteration === null || result.iteration === undefined ? "" : `, round ${result.iteration + 1}`;
  const why = result.error?.message ?? result.message;
  const took = ["completed", "failed"].includes(result.status) ? ` in ${formatDuration(result.durationMs)}` : "";
  return {
    seq: result.seq, timestamp: result.timestamp, level: result.status === "failed" ? "error" : "node", nodeId: result.nodeId,
    message: `${result.nodeLabel ?? typeTitle(result.nodeType)}${round} ${ENDINGS[result.status] ?? result.status}${took}${why ? `: ${why}` : ""}`,
  };
}

const TIMINGS = { pre: "before", post: "after", failure: "at the failure" };

/** Every picture that was taken, in order: {path, caption, nodeId, timing}. */
export function picturesOf(nodes) {
  const found = [];
  for (const result of nodes) {
    const name = result.nodeLabel ?? typeTitle(result.nodeType);
    for (const timing of ["pre", "post", "failure"]) {
      const path = result.screenshots?.[timing];
      if (!path) continue;
      const round = result.iteration === null || result.iteration === undefined ? "" : `, round ${result.iteration + 1}`;
      found.push({ path, caption: `${name}${round}: ${TIMINGS[timing]}`, nodeId: result.nodeId, timing });
    }
  }
  return found;
}

/**
 * The command that runs the same again.
 *
 * @param {object} execution
 * @param {Record<string, unknown>} variables The initial ones; secrets come masked and are taken from the environment.
 */
export function reproduceCommand(execution, variables = {}) {
  const options = execution.batch?.options ?? {};
  const parts = ["batchwright", "run", quoted(execution.source ?? execution.workflowPath)];
  for (const [name, value] of Object.entries(variables)) {
    if (value === MASK) parts.push("--var", `"${name}=$${name.replaceAll(/\W/g, "_").toUpperCase()}"`);
    else parts.push("--var", quoted(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`));
  }
  if (options.browser) parts.push("--browser", options.browser);
  if (options.timeoutS) parts.push("--timeout", String(options.timeoutS));
  if (options.ignoreHttpsErrors) parts.push("--ignore-https-errors");
  if (options.settle) parts.push("--settle");
  if (options.retries) parts.push("--retries", String(options.retries));
  for (const [name, value] of Object.entries(options.startOverrides ?? {})) parts.push("--start-override", quoted(`${name}=${value}`));
  return parts.join(" ");
}

const MASK = "********";
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
