// Asking the server for what the feed does not push, and telling it what to do. A report asks nobody: it has all
// it can show in itself.

/** What a report carries: {batchId, snapshots, workflows, artifacts, version, madeAt}; null on a server's page. */
export const report = embedded("report-data");
/** Whether this page is a report from disk: nothing is live and nothing can be done. */
export const isReport = report !== null;

/** Raised for an answer that is no good one. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", field = "", body = null } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.field = field;
    this.body = body;
  }
}

/** Send a request; resolves to the JSON of the answer. @throws {ApiError} */
export async function call(method, path, body = undefined) {
  if (isReport) throw new ApiError("A report is read only", { code: "REPORT" });
  let answer;
  try {
    answer = await fetch(path, {
      method, credentials: "same-origin",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError("The server does not answer", { code: "OFFLINE" });
  }
  if (answer.status === 401) location.assign("/login");
  const content = await answer.json().catch(() => null);
  if (answer.ok) return content;
  throw new ApiError(content?.message ?? content?.error ?? `The server answered ${answer.status}`, {
    status: answer.status, code: content?.code, field: content?.field, body: content,
  });
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);

const EXECUTION = "/api/workflows/execution";

/** Stop what a batch runs and cancel what it has waiting. */
export const stopBatch = (batchId) => post(`${EXECUTION}/batch/${batchId}/stop`);
/** Stop one execution. */
export const stopExecution = (executionId) => post(`${EXECUTION}/stop`, { executionId });
/** Stop everything. */
export const stopAll = () => post(`${EXECUTION}/stop-all`);
/** Stop some executions. */
export const stopMany = (executionIds) => post("/api/dashboard/executions/stop", { executionIds });
/** Run a part of a batch again: "failed", "notRun", "failedAndNotRun" or "all". */
export const rerun = (batchId, only) => post(`${EXECUTION}/batch/${batchId}/rerun`, { only });
/** Run some executions of a batch again. */
export const rerunMany = (batchId, executionIds) => post(`/api/dashboard/batches/${batchId}/rerun`, { executionIds });

/** The workflow document of an execution as it was run. */
export async function workflowOf(executionId) {
  if (!isReport) return get(`${EXECUTION}/${executionId}/workflow`);
  const document = report.workflows[executionId];
  if (!document) throw new ApiError("The report does not hold this workflow", { code: "NOT_FOUND" });
  return document;
}

/** Where a file of a run is, by its path as events give it; null if a report does not hold it. */
export function artifactUrl(path) {
  if (isReport) return report.artifacts[path] ?? null;
  return `/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`;
}

function embedded(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}
