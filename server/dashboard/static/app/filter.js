// The filter language of all tables: `s:failed @tag text !not "two words"`. Kept in the address as it is typed.

import { html } from "../vendor/ui.js";
import { setQuery } from "./router.js";
import { Icon, SHOWN_ORDER, WORDS } from "./parts/status.js";

/** @typedef {{kind: "status" | "tag" | "code" | "group" | "text", values: string[], negated: boolean, text: string}} Term */
/** @typedef {{statuses: string[], tags: string[], code?: string, group?: string, text: string}} Facts
 *   What terms are compared with; all in lower case. */

const KINDS = { s: "status", e: "code", f: "group" };
const ALIASES = { passed: "completed", ok: "completed", error: "failed", notrun: "notrun", waiting: "queued" };
const TERM = /(!?)(?:(@|[sef]:)?"([^"]*)"?|(\S+))/g;

export const FILTER_HINT = [
  "s:failed,flaky   state", "@tag   tag or folder", "e:CODE   error code", "text   in names, ids, messages",
  "!term   not", '"two words"   as one',
].join("\n");

/** The terms of a filter, all of which must hold. @returns {Term[]} */
export function parseFilter(filter) {
  const terms = [];
  for (const [text, not, prefix, quoted, bare] of filter.matchAll(TERM)) {
    let value = quoted ?? bare;
    let sign = prefix ?? "";
    if (quoted === undefined) {
      const found = /^(@|[sef]:)(.*)$/s.exec(bare);
      if (found) [, sign, value] = found;
    }
    const kind = sign === "@" ? "tag" : (KINDS[sign[0]] ?? "text");
    const values = kind === "text" ? [value] : value.split(",");
    const wanted = values.map((item) => item.trim().toLowerCase()).filter(Boolean);
    if (wanted.length === 0) continue;
    terms.push({ kind, values: kind === "status" ? wanted.map((item) => ALIASES[item] ?? item) : wanted, negated: not === "!", text });
  }
  return terms;
}

/** Whether a thing with these facts passes. @param {Term[]} terms @param {Facts} facts */
export function matches(terms, facts) {
  return terms.every((term) => term.values.some((value) => holds(term.kind, value, facts)) !== term.negated);
}

function holds(kind, value, facts) {
  switch (kind) {
    case "status":
      return facts.statuses.includes(value);
    case "tag":
      return facts.tags.includes(value);
    case "code":
      return facts.code === value;
    case "group":
      return facts.group === value;
    default:
      return facts.text.includes(value);
  }
}

/** The filter with a term in it, or without if it was there; other terms of the same kind go if `alone`. */
export function toggleTerm(filter, term, { alone = false } = {}) {
  const [wanted] = parseFilter(term);
  const same = (item) => item.kind === wanted.kind && item.negated === wanted.negated && item.values.join() === wanted.values.join();
  const terms = parseFilter(filter);
  const was = terms.some(same);
  const kept = terms.filter((item) => !same(item) && !(alone && item.kind === wanted.kind));
  return [...kept.map((item) => item.text), ...(was ? [] : [term])].join(" ");
}

/** Whether a term is in the filter. */
export const hasTerm = (filter, term) =>
  parseFilter(filter).some((item) => item.text.toLowerCase() === term.toLowerCase());

/** The states that occur, to press: each sets the filter's `s:`. */
export function StatusChips({ filter, counts }) {
  const shown = SHOWN_ORDER.filter((status) => counts[status] > 0 || hasTerm(filter, `s:${status}`));
  return html`<div class="row wrap" role="group" aria-label="States">${shown.map((status) => {
    const term = `s:${status}`;
    const pressed = hasTerm(filter, term);
    return html`<button key=${status} type="button" class="chip" data-status=${status} aria-pressed=${String(pressed)}
      onClick=${() => setQuery({ q: toggleTerm(filter, term, { alone: true }) })}>
      <${Icon} name=${status} size=${14} /><b>${(counts[status] ?? 0).toLocaleString()}</b>${WORDS[status]}</button>`;
  })}</div>`;
}
