// Times in the viewer's zone with the exact value on hover, durations, and a clock that only ticks while shown.

import { html, signal, useEffect } from "../../vendor/ui.js";
import { clockSkew } from "../store.js";

const TICK_MS = 1000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const tick = signal(Date.now());
let users = 0;
let timer = 0;

/** The server's present time, ms; a component that calls it is drawn again each second. */
export function useNow(active = true) {
  useEffect(() => {
    if (!active) return undefined;
    if (users++ === 0) timer = setInterval(() => { tick.value = Date.now(); }, TICK_MS);
    return () => {
      if (--users === 0) clearInterval(timer);
    };
  }, [active]);
  return active ? Math.max(tick.value, Date.now()) + clockSkew.value : serverNow();
}

/** The server's present time, ms, once. */
export const serverNow = () => Date.now() + clockSkew.peek();

/** A number with its thousands apart; `toLocaleString` does the same, a hundred times slower. */
export const formatNumber = (value) => NUMBER.format(value);

/** A duration in words as short as they are exact enough: `840 ms`, `3.2 s`, `4 min 5 s`, `2 h 10 min`. */
export function formatDuration(ms, { ticking = false } = {}) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0) return "0 ms";
  if (ticking && ms < MINUTE) return `${Math.floor(ms / 1000)} s`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  if (ms < HOUR) return inParts(ms, MINUTE, "min", 1000, "s");
  if (ms < DAY) return inParts(ms, HOUR, "h", MINUTE, "min");
  return inParts(ms, DAY, "d", HOUR, "h");
}

function inParts(ms, unit, word, smaller, smallerWord) {
  const rest = Math.floor((ms % unit) / smaller);
  return `${Math.floor(ms / unit)} ${word}${rest ? ` ${rest} ${smallerWord}` : ""}`;
}

const NUMBER = new Intl.NumberFormat();
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const LONG = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

/** The exact time, with the zone. */
export const formatExact = (at) => `${EXACT.format(at)} (${at})`;

/** The time of day. */
export const formatClock = (at) => CLOCK.format(at);

/** As much of a moment as tells it apart from now. */
export function formatMoment(at, now = serverNow()) {
  const age = now - at;
  if (age < 0 || age > 300 * DAY) return age < 0 ? CLOCK.format(at) : LONG.format(at);
  if (age < 45_000) return "just now";
  if (age < HOUR) return `${Math.round(age / MINUTE) || 1} min ago`;
  if (age < 8 * HOUR) return `${Math.round(age / HOUR)} h ago`;
  return SHORT.format(at);
}

/** A moment, exact on hover. */
export function Time({ at, clock = false }) {
  const recent = at && serverNow() - at < HOUR;
  const now = useNow(Boolean(recent) && !clock);
  if (!at) return html`<span class="faint">–</span>`;
  return html`<time class="num" dateTime=${new Date(at).toISOString()} title=${formatExact(at)}>
    ${clock ? formatClock(at) : formatMoment(at, now)}</time>`;
}

/** How long something took, or takes until now; exact on hover. */
export function Duration({ ms = undefined, since = undefined, until = undefined }) {
  const goesOn = ms === undefined && Boolean(since) && !until;
  const now = useNow(goesOn);
  const length = ms ?? (since ? (until ?? now) - since : null);
  const exact = length === null || goesOn ? undefined : `${Math.round(length).toLocaleString()} ms`;
  return html`<span class="num" title=${exact}>${formatDuration(goesOn ? Math.max(length, 0) : length, { ticking: goesOn })}</span>`;
}
