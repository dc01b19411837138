// Breakpoints of a running execution or of a workflow file: read once, changed as a whole, shown by node.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { Button, attempt } from "./parts/controls.js";
import { Icon } from "./parts/status.js";

/** @typedef {{id?: string, nodeId: string, at: string, condition?: ?string, hitCount?: number, once?: boolean, enabled?: boolean}} Breakpoint */
/** @typedef {{breakpoints: Breakpoint[], breakOn: string[], first: boolean, breakpointConfig: ?object}} BreakpointSet */

const NOTHING = { breakpoints: [], breakOn: [], first: false, breakpointConfig: null };

/**
 * A set of breakpoints.
 *
 * @param {{key: string, load: () => Promise<BreakpointSet>, save: (set: BreakpointSet) => Promise<unknown>}} given
 *   `key` says when to read anew.
 */
export function useBreakpoints({ key, load, save }) {
  const [set, setSet] = useState(NOTHING);
  const latest = useRef(NOTHING);
  const show = (value) => {
    latest.current = { ...NOTHING, ...value };
    setSet(latest.current);
  };
  useEffect(() => {
    let isWanted = true;
    load().then((value) => isWanted && show(value), () => isWanted && show(NOTHING));
    return () => { isWanted = false; };
  }, [key]);
  const change = async (changes) => {
    const before = latest.current;
    show({ ...before, ...changes });
    const wanted = latest.current;
    const saved = await attempt(async () => { await save(wanted); return true; });
    if (!saved && latest.current === wanted) show(before);
  };
  const byNode = useMemo(() => new Map(set.breakpoints.toReversed().map((item) => [item.nodeId, item])), [set]);
  const without = (nodeId) => latest.current.breakpoints.filter((item) => item.nodeId !== nodeId);
  return {
    set, byNode, change,
    toggle: (nodeId) => change({ breakpoints: byNode.has(nodeId) ? without(nodeId) : [...without(nodeId), { nodeId, at: "pre", enabled: true }] }),
    put: (item) => change({ breakpoints: [...without(item.nodeId), item] }),
    remove: (nodeId) => change({ breakpoints: without(nodeId) }),
    breakOn: (word, isOn) => change({ breakOn: isOn ? [...new Set([...latest.current.breakOn, word])] : latest.current.breakOn.filter((item) => item !== word) }),
  };
}

/** The breakpoint of one node, to be set, narrowed down and removed. */
export function BreakpointEditor({ nodeId, points }) {
  const item = points.byNode.get(nodeId);
  const [condition, setCondition] = useState(item?.condition ?? "");
  useEffect(() => setCondition(item?.condition ?? ""), [nodeId, item?.condition]);
  if (!item) {
    return html`<${Button} small icon="breakpoint" onClick=${() => points.toggle(nodeId)}>Set a breakpoint<//>`;
  }
  const put = (changes) => points.put({ ...item, id: undefined, ...changes });
  return html`<div class="breakpoint">
    <div class="row spread"><label class="row small strong"><input type="checkbox" class="checkbox" checked=${item.enabled !== false}
        onChange=${(event) => put({ enabled: event.target.checked })} /> Breakpoint is on</label>
      <${Button} small kind="ghost" icon="close" label="Remove the breakpoint" onClick=${() => points.remove(nodeId)} /></div>
    <div class="breakpoint-fields">
      <label class="field">Pause<select class="select" value=${item.at ?? "pre"} onChange=${(event) => put({ at: event.target.value })}>
        <option value="pre">before the node</option><option value="post">after the node</option><option value="both">before and after</option></select></label>
      <label class="field">From visit<input class="input num" type="number" min="1" value=${item.hitCount ?? 1}
        onChange=${(event) => put({ hitCount: Math.max(1, Math.round(Number(event.target.value)) || 1) })} /></label>
      <label class="field breakpoint-when">Only if<input class="input mono" value=${condition} placeholder="variables.total > 100" spellcheck=${false} autocomplete="off"
        onInput=${(event) => setCondition(event.target.value)} onChange=${() => put({ condition: condition.trim() || null })} /></label>
    </div>
    <label class="row small"><input type="checkbox" class="checkbox" checked=${item.once === true} onChange=${(event) => put({ once: event.target.checked })} /> Only once in this execution</label>
  </div>`;
}

/** What makes any node pause, and how many breakpoints there are. */
export function BreakOnBar({ points, children }) {
  const count = points.set.breakpoints.length;
  return html`<div class="break-on">
    <span class="row small soft"><${Icon} name="breakpoint" size=${14} />${count === 0 ? "No breakpoints" : `${count} ${count === 1 ? "breakpoint" : "breakpoints"}`}</span>
    <label class="row small"><input type="checkbox" class="checkbox" checked=${points.set.breakOn.includes("error")} onChange=${(event) => points.breakOn("error", event.target.checked)} /> Pause where a node fails</label>
    <label class="row small"><input type="checkbox" class="checkbox" checked=${points.set.breakOn.includes("slow")} onChange=${(event) => points.breakOn("slow", event.target.checked)} /> Pause where a node is slow</label>
    ${count > 0 && html`<${Button} small kind="ghost" onClick=${() => points.change({ breakpoints: [] })}>Remove all<//>`}${children}</div>`;
}
