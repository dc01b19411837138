// The log of an execution: levels, search, and following what comes.

import { html, useLayoutEffect, useMemo, useRef, useState } from "../vendor/ui.js";
import { Button, CopyButton, Empty } from "./parts/controls.js";
import { formatClock, formatExact, formatNumber } from "./parts/time.js";

const LEVELS = ["debug", "console", "node", "info", "warning", "error"];
const CHUNK = 100;
const BOTTOM_PX = 24;
const UPWARDS = new Set(["ArrowUp", "PageUp", "Home"]);

/** @param {{lines: object[], isLive: boolean, onNode: (id: string) => void}} given */
export function LogView({ lines, isLive, onNode }) {
  const [text, setText] = useState("");
  const [hidden, setHidden] = useState(() => new Set());
  const [isFollowing, setFollowing] = useState(true);
  const box = useRef(null);
  const top = useRef(0);
  const levels = LEVELS.filter((level) => lines.some((line) => levelOf(line) === level));
  const wanted = text.trim().toLowerCase();
  const shown = useMemo(
    () => lines.filter((line) => !hidden.has(levelOf(line)) && (!wanted || `${line.message} ${line.nodeId ?? ""}`.toLowerCase().includes(wanted))),
    [lines, hidden, wanted],
  );
  useLayoutEffect(() => {
    if (isFollowing && isLive) box.current.scrollTop = box.current.scrollHeight;
  }, [shown, isFollowing]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const below = scrollHeight - scrollTop - clientHeight;
    if (scrollTop < top.current && below > 1) setFollowing(false);
    else if (scrollTop > top.current && below < BOTTOM_PX) setFollowing(true);
    top.current = scrollTop;
  };
  // New lines would undo what a wheel or a key begins before it has come to a scroll.
  const letGo = (event) => (event.deltaY < 0 || UPWARDS.has(event.key)) && setFollowing(false);
  const toggle = (level) => {
    const next = new Set(hidden);
    if (!next.delete(level)) next.add(level);
    setHidden(next);
  };
  const chunks = [];
  for (let at = 0; at < shown.length; at += CHUNK) chunks.push(shown.slice(at, at + CHUNK));
  return html`<div class="log">
    <div class="toolbar">
      <input class="input log-search" type="search" value=${text} placeholder="Search the log" aria-label="Search the log" onInput=${(event) => setText(event.target.value)} />
      ${levels.length > 1 && levels.map((level) => html`<button key=${level} type="button" class="chip" data-level=${level} aria-pressed=${String(!hidden.has(level))} onClick=${() => toggle(level)}>${level}</button>`)}
      ${isLive && html`<${Button} small icon="down" pressed=${isFollowing} onClick=${() => setFollowing(!isFollowing)}>Follow<//>`}
      <span class="grow"></span><span class="faint small num">${formatNumber(shown.length)} ${shown.length === 1 ? "line" : "lines"}</span>
      <${CopyButton} text=${() => shown.map((line) => `${new Date(line.timestamp).toISOString()} ${line.level} ${line.message}`).join("\n")} label="Copy the lines" /></div>
    <div ref=${box} class="log-lines" role="log" aria-label="Log" tabindex="0" onScroll=${onScroll} onWheel=${letGo} onKeyDown=${letGo} onTouchMove=${() => setFollowing(false)}>
      ${chunks.map((chunk, index) => html`<${Chunk} key=${index} lines=${chunk} wanted=${wanted} onNode=${onNode} />`)}
      ${shown.length === 0 && html`<${Empty} icon="file" title=${lines.length === 0 ? "Nothing is logged yet" : "No line fits"}
        text=${lines.length === 0 ? "What each node comes to appears here, with warnings, and debug lines where the run was started with them." : "Search for something else, or show more levels."} />`}
    </div></div>`;
}

/** Lines that did not change are not drawn again. */
function Chunk({ lines, wanted, onNode }) {
  return useMemo(() => html`<div class="log-chunk">${lines.map((line) => html`<div key=${line.seq} class="log-line" data-level=${levelOf(line)}>
    <time class="log-time num" title=${formatExact(line.timestamp)}>${formatClock(line.timestamp)}</time>
    <span class="log-level">${line.level}</span>
    <span class="log-text">${marked(line.message, wanted)}</span>
    ${line.nodeId && html`<button type="button" class="log-node clip" title=${`Show node ${line.nodeId}`} onClick=${() => onNode(line.nodeId)}>${line.nodeId}</button>`}</div>`)}</div>`,
  [lines.length, lines[0]?.seq, lines.at(-1)?.seq, wanted]);
}

function marked(message, wanted) {
  const at = wanted ? message.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return message;
  return html`${message.slice(0, at)}<mark>${message.slice(at, at + wanted.length)}</mark>${message.slice(at + wanted.length)}`;
}

const levelOf = (line) => (line.level === "warn" ? "warning" : LEVELS.includes(line.level) ? line.level : "info");
