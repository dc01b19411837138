// Who ran when: executions on the lanes that they took, while they run as well.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { href } from "./router.js";
import { Empty } from "./parts/controls.js";
import { Icon, WORDS, shownStatus } from "./parts/status.js";
import { Duration, formatClock, formatDuration, useNow } from "./parts/time.js";

const LANE_PX = 26;
const BAR_PX = 20;
const AXIS_PX = 26;
const LEAST_BAR_PX = 2;
const LABEL_PX = 56;
const LETTER_PX = 7.3;
/** Steps of an axis of durations, ms. */
export const TICKS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000, 86_400_000];

/** Rows on lanes so that none overlap: as many lanes as ran at once. @returns {object[][]} */
export function lanesOf(rows) {
  const lanes = [];
  const begun = rows.filter((row) => row.startedAt).toSorted((a, b) => a.startedAt - b.startedAt);
  for (const row of begun) {
    const free = lanes.find((lane) => (lane.at(-1).endedAt ?? Infinity) <= row.startedAt);
    if (free) free.push(row);
    else lanes.push([row]);
  }
  return lanes;
}

/** Moments to mark on an axis, about one for each 90 px. */
export function ticksOf(from, to, width) {
  const wanted = (to - from) / Math.max(1, width / 90);
  const step = TICKS_MS.find((item) => item >= wanted) ?? TICKS_MS.at(-1);
  const ticks = [];
  for (let at = 0; at <= to - from; at += step) ticks.push(at);
  return ticks;
}

/** An axis that grows in steps: with each second only the bars of what runs change. */
function roundedUp(length) {
  const step = TICKS_MS.find((item) => item >= length / 12) ?? TICKS_MS.at(-1);
  return Math.max(1000, (Math.floor(length / step) + 1) * step);
}

/** The timeline of a batch. */
export function Timeline({ batch, rows }) {
  const lanes = useMemo(() => lanesOf(rows), [rows]);
  if (lanes.length === 0) return html`<div class="card"><${Empty} icon="queued" title="Nothing has begun" text="Bars appear here as soon as the first execution starts." /></div>`;
  return html`<${Lanes} batch=${batch} rows=${rows} lanes=${lanes} />`;
}

function Lanes({ batch, rows, lanes }) {
  const box = useRef(null);
  const width = useWidth(box);
  const now = useNow(!batch.endedAt);
  const [pointed, setPointed] = useState(null);
  const from = Math.min(...lanes.map((lane) => lane[0].startedAt));
  const to = batch.endedAt ? Math.max(from + 1000, batch.endedAt) : from + roundedUp(now - from);
  const scale = (at) => ((at - from) / (to - from)) * width;
  const height = AXIS_PX + lanes.length * LANE_PX + 6;
  const shown = rows.find((row) => row.executionId === pointed);
  return html`<div class="card timeline"><div class="timeline-box" ref=${box}>
      <svg width=${width} height=${height} role="group" aria-label=${`Timeline of ${rows.length} executions on ${lanes.length} lanes`} onPointerLeave=${() => setPointed(null)}>
        ${ticksOf(from, to, width).map((at) => html`<g key=${at} class="tick" transform=${`translate(${scale(from + at)} 0)`}>
          <line y1=${AXIS_PX - 4} y2=${height} /><text x="4" y="15" visibility=${scale(from + at) > width - LABEL_PX ? "hidden" : undefined}>${at === 0 ? formatClock(from) : `+${formatDuration(at)}`}</text></g>`)}
        ${lanes.map((lane, index) => html`<${Lane} key=${index} lane=${lane} top=${AXIS_PX + index * LANE_PX} scale=${scale} now=${now} onPoint=${setPointed} />`)}
        ${!batch.endedAt && html`<line class="now-line" x1=${scale(now)} x2=${scale(now)} y1=${AXIS_PX - 6} y2=${height} />`}
      </svg></div>
    <p class="timeline-foot small" aria-live="off">${shown
      ? html`<${Icon} name=${shownStatus(shown)} size=${14} status=${shownStatus(shown)} /><b>${shown.workflowPath}</b> <span class="soft">${WORDS[shownStatus(shown)]}, <${Duration} since=${shown.startedAt} until=${shown.endedAt} />${shown.attempts > 1 ? `, ${shown.attempts} attempts` : ""}</span>`
      : html`<span class="faint">Each lane is a place at which one execution runs at a time. Point at a bar to see what it is; click to open it.</span>`}</p></div>`;
}

function Lane({ lane, top, scale, now, onPoint }) {
  let lastEnd = -1;
  const bars = [];
  for (const row of lane) {
    const x = scale(row.startedAt);
    const wide = Math.max(LEAST_BAR_PX, scale(row.endedAt ?? now) - x - 1);
    const status = shownStatus(row);
    // Bars that would lie on each other are drawn once, but failures always.
    if (x + wide <= lastEnd && status === "completed") continue;
    lastEnd = x + wide;
    bars.push({ row, x, wide, status });
  }
  return html`${bars.map(({ row, x, wide, status }) => html`<a key=${row.executionId} href=${href("executions", row.executionId)} data-status=${status}
    aria-label=${`${row.workflowPath}: ${WORDS[status]}`} onPointerEnter=${() => onPoint(row.executionId)} onFocus=${() => onPoint(row.executionId)}>
    <rect class="bar-rect" x=${x} y=${top + (LANE_PX - BAR_PX) / 2} width=${wide} height=${BAR_PX} rx=${Math.min(5, wide / 2)} />
    ${wide > 46 && html`<text class="bar-text" x=${x + 7} y=${top + LANE_PX / 2 + 4}>${shortened(row.workflowFileName, wide)}</text>`}</a>`)}`;
}

function shortened(name, wide) {
  const text = name.replace(/\.json$/i, "");
  const most = Math.floor((wide - 14) / LETTER_PX);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

/** The width of an element, px; follows changes. */
export function useWidth(box, first = 800) {
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(200, Math.floor(entry.contentRect.width))));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return width;
}
