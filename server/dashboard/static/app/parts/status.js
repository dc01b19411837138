// States as colour, icon and word together, and how many of each.

import { html } from "../../vendor/ui.js";
import { formatNumber } from "./time.js";

/** What people read for each state of an execution, a batch or a node. */
export const WORDS = {
  pending: "Pending", queued: "Queued", running: "Running", paused: "Paused", suspended: "Waiting for an answer",
  completed: "Passed", failed: "Failed", flaky: "Flaky", stopped: "Stopped", interrupted: "Interrupted",
  notRun: "Not run", skipped: "Skipped", bypassed: "Bypassed", invalid: "Invalid",
};

/** In which order states stand beside each other: what needs a look first comes first. */
export const SHOWN_ORDER = [
  "failed", "interrupted", "flaky", "paused", "suspended", "running", "completed", "stopped", "notRun", "queued",
];

// Drawn on a 16 x 16 grid, with lines of 1.6.
const ICONS = {
  completed: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM5.2 8.2l2 2 3.7-4.1",
  failed: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  flaky: "M13.6 6.2A5.9 5.9 0 0 0 3.1 5M2.4 9.8A5.9 5.9 0 0 0 12.9 11M3 2.2V5h2.8M13 13.8V11h-2.8",
  running: "M8 1.8A6.2 6.2 0 1 0 14.2 8",
  paused: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM6.3 5.8v4.4M9.7 5.8v4.4",
  suspended: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM6.2 6.4a1.8 1.8 0 1 1 2.4 1.7c-.4.2-.6.5-.6 1M8 11.2v.01",
  queued: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 4.8V8l2.1 1.5",
  stopped: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM6 6h4v4H6Z",
  interrupted: "M8.6 1.9 3.6 9h3.6l-.8 5.1L12.4 6.6H8.4Z",
  notRun: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM5.2 8h5.6",
  pending: "M8 3.4v.01M11.3 4.7v.01M12.6 8v.01M11.3 11.3v.01M8 12.6v.01M4.7 11.3v.01M3.4 8v.01M4.7 4.7v.01",
  skipped: "M3 4.2 8 8l-5 3.8ZM8 4.2 13 8l-5 3.8Z",
  bypassed: "M2.2 11.6c0-5 9-5 9-.6M8.9 8.9l2.3 2.4 2.4-2.2",
  invalid: "M8 2 14.4 13.4H1.6ZM8 6.4v3.2M8 11.5v.01",
  search: "M7 2.6a4.4 4.4 0 1 1 0 8.8 4.4 4.4 0 0 1 0-8.8ZM10.4 10.4 13.6 13.6",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.6 5.6h7v7h-7ZM10.4 5.6V3.4h-7v7h2.2",
  check: "M3.4 8.4l3 3 6.2-6.8",
  rerun: "M13.2 8a5.2 5.2 0 1 1-1.7-3.9M13.4 1.9v3h-3",
  stop: "M4.2 4.2h7.6v7.6H4.2Z",
  play: "M5 3.2 12.4 8 5 12.8Z",
  pause: "M5.4 3.6v8.8M10.6 3.6v8.8",
  live: "M8 7a1 1 0 1 1 0 2 1 1 0 0 1 0-2ZM4.7 11.3a4.7 4.7 0 0 1 0-6.6M11.3 4.7a4.7 4.7 0 0 1 0 6.6M2.7 13.3a7.5 7.5 0 0 1 0-10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6",
  history: "M2.4 8a5.6 5.6 0 1 0 1.8-4.1M2.4 2.4v3h3M8 5v3.2l2.2 1.4",
  workflows: "M2.4 2.4h4v3.4h-4ZM9.6 6.3h4v3.4h-4ZM2.4 10.2h4v3.4h-4ZM6.4 4.1h1.4V12h-1.4M7.8 8h1.8",
  keyboard: "M1.8 4h12.4v8H1.8ZM4.4 6.7v.01M7 6.7v.01M9.4 6.7v.01M11.8 6.7v.01M5 9.6h6",
  sun: "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM8 1.4v1.2M8 13.4v1.2M1.4 8h1.2M13.4 8h1.2M3.3 3.3l.9.9M11.8 11.8l.9.9M12.7 3.3l-.9.9M4.2 11.8l-.9.9",
  moon: "M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6 5.8 5.8 0 1 0 13.4 9.6Z",
  auto: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 1.8v12.4M10 3v10M12 4.6v6.8",
  up: "M8 12.6V3.6M4.4 7 8 3.4 11.6 7",
  down: "M8 3.4v9M4.4 9 8 12.6 11.6 9",
  right: "M6 3.4 10.6 8 6 12.6",
  left: "M10 3.4 5.4 8l4.6 4.6",
  folder: "M1.8 3.6h4.4l1.4 1.8h6.6v7.4H1.8Z",
  file: "M3.6 1.8h5.6l3.2 3.2v9.2H3.6ZM9 1.9V5.2h3.3",
  info: "M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 7.4v3.4M8 5.2v.01",
  more: "M3.6 8v.01M8 8v.01M12.4 8v.01",
  expand: "M9.6 2.6h3.8v3.8M13.2 2.8 9.4 6.6M6.4 13.4H2.6V9.6M2.8 13.2l3.8-3.8",
  logout: "M6.4 2.6H2.8v10.8h3.6M10 5l3.2 3L10 11M13 8H6",
  download: "M8 2.2v8M4.6 7 8 10.4 11.4 7M2.8 13.4h10.4",
  minus: "M3.6 8h8.8",
  plus: "M3.6 8h8.8M8 3.6v8.8",
  fold: "M2.6 4.4h8.2a2.6 2.6 0 0 1 0 5.2H5.2M7.4 7.2 5 9.6 7.4 12",
  camera: "M2 5h2.8l1-1.6h4.4l1 1.6H14v7.4H2ZM8 6.6a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
  step: "M8 2.2v6.4M5.2 6 8 8.8 10.8 6M8 12.4v.01",
  stepOver: "M2.6 8.6a5.4 5.4 0 0 1 10.4-1.2M13.2 3.8v3.8H9.6M8 12.4v.01",
  runTo: "M2.4 8h7M6.8 5.2 9.6 8l-2.8 2.8M13 3.2v9.6",
  back: "M13.4 8.6a4 4 0 0 1-4 4H6.2M2.8 5.4h6.6a4 4 0 0 1 4 3.2M5.6 2.6 2.8 5.4l2.8 2.8",
  breakpoint: "M8 3.2a4.8 4.8 0 1 1 0 9.6A4.8 4.8 0 0 1 8 3.2ZM8 6.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2Z",
  breakpointOff: "M5 4.2A4.8 4.8 0 0 1 11.8 11M4.2 5A4.8 4.8 0 0 0 11 11.8M2.6 2.6l10.8 10.8",
  dot: "M8 6.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2Z",
};

/** A drawn icon; decoration unless it gets a `title`. */
export function Icon({ name, size = 16, title = "", status = undefined }) {
  const turns = name === "running" ? " turns" : "";
  return html`<svg class=${`status-icon${turns}`} data-status=${status} width=${size} height=${size} viewBox="0 0 16 16"
    fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"
    role=${title ? "img" : undefined} aria-label=${title || undefined} aria-hidden=${title ? undefined : "true"}>
    <path d=${ICONS[name] ?? ICONS.dot} /></svg>`;
}

/** The state that is shown for an execution: `flaky` and `notRun` are told apart from the states they are part of. */
export function shownStatus(row) {
  if (row.notRun) return "notRun";
  return row.status === "completed" && row.failures > 0 ? "flaky" : row.status;
}

/** A state as a pill; `quiet` leaves out the background, `text` says something else than the state's own word. */
export function StatusBadge({ status, quiet = false, text = "" }) {
  return html`<span class=${`badge${quiet ? " quiet" : ""}`} data-status=${status}>
    <${Icon} name=${status} size=${14} />${text || (WORDS[status] ?? status)}</span>`;
}

/** How many are in each state that is shown; the parts add up to `counts.total`. */
export function shownCounts(counts) {
  return {
    ...counts,
    completed: counts.completed - counts.flaky,
    stopped: counts.stopped - Math.min(counts.notRun, counts.stopped),
    interrupted: counts.interrupted - Math.max(0, counts.notRun - counts.stopped),
  };
}

/** How far a batch is: one segment for each state. */
export function ProgressBar({ counts, size = "" }) {
  const shown = shownCounts(counts);
  const over = counts.completed + counts.failed + counts.stopped + counts.interrupted;
  const segments = [...DONE_FIRST].filter((status) => shown[status] > 0);
  const words = segments.map((status) => `${shown[status]} ${WORDS[status].toLowerCase()}`).join(", ");
  return html`<div class=${`progress ${size}`} role="progressbar" aria-label="Progress" aria-valuemin="0"
    aria-valuemax=${counts.total} aria-valuenow=${over} aria-valuetext=${words || "nothing to run"}>
    ${segments.filter((status) => status !== "queued").map((status) => html`<i key=${status} data-status=${status}
      style=${{ width: `${(shown[status] / counts.total) * 100}%` }}></i>`)}</div>`;
}

const DONE_FIRST = ["completed", "flaky", "failed", "interrupted", "stopped", "notRun", "paused", "suspended", "running", "queued"];

/** The numbers in words: icon, number, state. */
export function Counts({ counts, all = false }) {
  const shown = shownCounts(counts);
  const states = SHOWN_ORDER.filter((status) => shown[status] > 0 || (all && ["completed", "failed"].includes(status)));
  return html`<ul class="counts">${states.map((status) => html`<li key=${status} data-status=${status} class=${shown[status] ? "" : "none"}>
    <${Icon} name=${status} size=${14} /><b>${formatNumber(shown[status])}</b>
    <span>${WORDS[status].toLowerCase()}</span></li>`)}</ul>`;
}
