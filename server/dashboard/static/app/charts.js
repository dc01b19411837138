// Charts over time, drawn by uPlot in the page's colours.

import { html, uPlot, useEffect, useRef } from "../vendor/ui.js";
import { useWidth } from "./timeline.js";
import { formatExact } from "./parts/time.js";

const HEIGHT_PX = 148;

/** The colour that a token stands for now, as the canvas needs it. */
function colour(element, token) {
  element.style.color = `var(${token})`;
  const found = getComputedStyle(element).color;
  element.style.color = "";
  return found;
}

/**
 * A chart of points over time; `series` are {label, token, values, format, bars?, fill?}, `onPick` gets the place of
 * a point that was clicked.
 */
export function Chart({ title, summary = "", times, series, range = null, onPick = null, format }) {
  const box = useRef(null);
  const plot = useRef(null);
  const width = useWidth(box, 400);
  useEffect(() => {
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(box.current, { width, series, range, onPick, format }), dataOf(times, series), box.current);
    };
    draw();
    const onTheme = new MutationObserver(draw);
    onTheme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      onTheme.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [times, series, width]);
  return html`<figure class="card chart"><figcaption><span class="strong small">${title}</span><span class="chart-now num">${summary}</span></figcaption>
    <div ref=${box} class="chart-box" role="img" aria-label=${`${title}: ${summary}, over ${times.length} points`}></div></figure>`;
}

// By place, not by time: nights and weekends without runs are not worth a gap.
const dataOf = (times, series) => [times.map((_, place) => place), ...series.map((item) => item.values)];

function optionsOf(element, { width, series, range, onPick, format }) {
  const line = colour(element, "--line");
  const faint = colour(element, "--ink-faint");
  const axis = { stroke: faint, font: "11px system-ui, sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    width, height: HEIGHT_PX, legend: { show: false }, padding: [10, 8, 4, 0],
    cursor: { y: false, points: { size: 7 }, bind: { click: onPick ? (self) => () => picked(self, onPick) : undefined } },
    // Half a place of air on both sides: bars stand on their places.
    scales: { x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] }, y: { range: range ?? ((_, low, high) => [0, (high || 1) * 1.12]) } },
    axes: [
      { ...axis, show: false },
      { ...axis, size: 52, gap: 4, space: 34, values: (_, splits) => splits.map((value) => (format ? format(value) : String(value))) },
    ],
    series: [{}, ...series.map((item) => {
      const stroke = colour(element, item.token);
      const fill = item.bars ? stroke : colour(element, item.wash ?? item.token);
      return { label: item.label, stroke, width: item.bars ? 0 : 2, fill: item.bars || item.wash ? fill : undefined,
        paths: item.bars ? uPlot.paths.bars({ size: [0.7, 26], radius: 0.25 }) : undefined,
        points: { show: !item.bars, size: 5, stroke, fill: stroke }, spanGaps: true };
    })],
    hooks: { setCursor: [(self) => tell(self, series)] },
  };
}

function picked(self, onPick) {
  const place = self.cursor.idx;
  if (place !== null && place !== undefined) onPick(place);
}

function tell(self, series) {
  const place = self.cursor.idx;
  const text = place === null || place === undefined ? "" : series.map((item) => item.tell?.(place)).filter(Boolean).join("\n");
  if (self.root.title !== text) self.root.title = text;
}

/** The words of a point: when, and what. */
export const pointWords = (at, text) => `${text}\n${formatExact(at)}`;
