// Running a selection of workflow files: how many at once, how often again, with which variables and breakpoints.

import { html, useState } from "../vendor/ui.js";
import { post } from "./api.js";
import { queue } from "./store.js";
import { Button, Dialog, goToBatch } from "./parts/controls.js";
import { Icon } from "./parts/status.js";

const FIRST = {
  workers: "", retries: "0", timeout: "", tags: "", priority: "0", variables: "", screenshots: "", breakpoints: true, breakOnError: false, first: false,
  recordSession: false, traceLogs: false,
};
const SECOND_MS = 1000;
const FEWEST = 2;

/** What was chosen last, for the next time. */
let last = null;

/** The request's body for what was chosen. @throws {Error} A field cannot be understood. */
export function requestOf(paths, chosen) {
  return {
    paths, workers: whole(chosen.workers, "Workers"), retries: whole(chosen.retries, "Retries"), batchPriority: whole(chosen.priority, "Priority"),
    timeout: chosen.timeout.trim() ? positive(chosen.timeout, "Time limit") * SECOND_MS : 0,
    tags: chosen.tags.split(/[\s,]+/).filter(Boolean), variables: variablesOf(chosen.variables),
    recordSession: chosen.recordSession, traceLogs: chosen.traceLogs,
    ...(chosen.screenshots ? { screenshotConfig: { enabled: true, timing: chosen.screenshots } } : {}),
    ...(chosen.breakpoints ? { useSaved: true } : {}), ...(chosen.breakOnError ? { breakOn: ["error"] } : {}),
    ...(chosen.first ? { first: true } : {}),
  };
}

/** @param {{paths: string[], title: string, onClose: () => void}} given Files and folders. */
export function RunDialog({ paths, title, onClose }) {
  const [chosen, setChosen] = useState(() => last ?? { ...FIRST, workers: String(queue.peek().slots || FEWEST) });
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const set = (name) => (event) => setChosen({ ...chosen, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const run = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const accepted = await post("/api/dashboard/workflows/run", requestOf(paths, chosen));
      last = chosen;
      onClose();
      goToBatch(accepted);
    } catch (error) {
      setFault(error.field ? `${error.field}: ${error.message}` : error.message);
      setBusy(false);
    }
  };
  const number = (name, label, hint) => html`<label class="field">${label}<input class="input num" inputmode="numeric" value=${chosen[name]} placeholder=${hint} onInput=${set(name)} /></label>`;
  const box = (name, label) => html`<label class="row"><input type="checkbox" class="checkbox" checked=${chosen[name]} onChange=${set(name)} /> ${label}</label>`;
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form id="run-form" class="run-form" onSubmit=${run}>
      <div class="run-row"><label class="field">Workers<input class="input num" inputmode="numeric" autofocus value=${chosen.workers} onInput=${set("workers")} /></label>${number("retries", "Retries")}${number("timeout", "Time limit, seconds", "none")}</div>
      <label class="field">Variables, one name=value a line<textarea class="textarea mono" rows="3" value=${chosen.variables} placeholder=${"baseUrl=http://localhost:8080\nretries=3"} spellcheck=${false} onInput=${set("variables")} /></label>
      <div class="run-row"><label class="field">Tags<input class="input" value=${chosen.tags} placeholder="nightly" onInput=${set("tags")} /></label>
        ${number("priority", "Priority")}
        <label class="field">Pictures<select class="select" value=${chosen.screenshots} onChange=${set("screenshots")}><option value="">at failures</option><option value="pre">before each node</option><option value="post">after each node</option><option value="both">before and after</option></select></label></div>
      <div class="run-boxes">${box("breakpoints", "Use the files' breakpoints")}${box("breakOnError", "Pause where a node fails")}${box("first", "Only the first one pauses")}${box("recordSession", "Record a video")}${box("traceLogs", "Log debug lines")}</div>
      ${fault && html`<p class="notice" data-status="failed" role="alert"><${Icon} name="failed" /><span>${fault}</span></p>`}
      <div class="run-foot"><${Button} onClick=${onClose}>Cancel<//><button type="submit" class="button primary" disabled=${busy}><${Icon} name=${busy ? "running" : "play"} />Run</button></div>
    </form><//>`;
}

function variablesOf(text) {
  const found = {};
  for (const line of text.split("\n").map((item) => item.trim()).filter(Boolean)) {
    const at = line.indexOf("=");
    if (at < 1) throw new Error(`Variables: "${line}" is no name=value`);
    found[line.slice(0, at).trim()] = valueOf(line.slice(at + 1));
  }
  return found;
}

/** As the command line reads values: JSON where it is JSON, else text. */
function valueOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function whole(text, name) {
  const value = Number(text.trim() || "0");
  if (!Number.isInteger(value)) throw new Error(`${name}: "${text}" is no whole number`);
  return value;
}

function positive(text, name) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name}: "${text}" is no number above 0`);
  return value;
}
