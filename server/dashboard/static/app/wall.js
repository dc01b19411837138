// Live pictures of browsers: a wall of small ones, and one large one. Only what is in sight is watched.

import { html, useEffect, useRef, useState } from "../vendor/ui.js";
import { onPicture, useTopic } from "./connection.js";
import { href } from "./router.js";
import { Button, Dialog } from "./parts/controls.js";
import { StatusBadge, shownStatus } from "./parts/status.js";
import { Duration } from "./parts/time.js";

/** So many tiles are watched at once; what is further down is when it comes into sight. */
const MOST_TILES = 60;

/**
 * The current page of an execution, live.
 *
 * @param {{executionId: string, large?: boolean, label: string, waiting?: string}} given `waiting` is said until the
 *   first picture comes.
 */
export function LivePicture({ executionId, large = false, label, waiting = "No page is open yet" }) {
  const canvas = useRef(null);
  const [isSeen, setSeen] = useState(false);
  useTopic(`picture:${executionId}${large ? ":large" : ""}`);
  useEffect(() => {
    let newest = 0;
    let drawn = 0;
    const unlisten = onPicture(async (id, blob) => {
      if (id !== executionId) return;
      const number = ++newest;
      const bitmap = await createImageBitmap(blob).catch(() => null);
      if (bitmap && number > drawn && canvas.current) {
        drawn = number;
        draw(canvas.current, bitmap);
        canvas.current.dataset.pictures = String(number);
        setSeen(true);
      }
      bitmap?.close();
    });
    return unlisten;
  }, [executionId]);
  return html`<div class=${`live-picture ${isSeen ? "" : "empty"}`}>
    <canvas ref=${canvas} width="480" height="270" role="img" aria-label=${isSeen ? label : waiting}></canvas>
    ${!isSeen && html`<span class="live-picture-words" aria-hidden="true">${waiting}</span>`}</div>`;
}

function draw(target, bitmap) {
  if (target.width !== bitmap.width || target.height !== bitmap.height) {
    target.width = bitmap.width;
    target.height = bitmap.height;
  }
  target.getContext("2d").drawImage(bitmap, 0, 0);
}

/** A live picture of each execution, with its workflow, its node and its state. */
export function Wall({ executions }) {
  const [enlarged, setEnlarged] = useState(null);
  const shown = executions.slice(0, MOST_TILES);
  const open = enlarged && executions.find((row) => row.executionId === enlarged);
  return html`<ul class="wall" aria-label="Browsers">${shown.map((row) => html`<${Tile} key=${row.executionId} row=${row} enlarge=${() => setEnlarged(row.executionId)} />`)}</ul>
    ${executions.length > shown.length && html`<p class="soft small wall-more">${executions.length - shown.length} more run; their pictures are in their own views.</p>`}
    ${open && html`<${Enlarged} row=${open} onClose=${() => setEnlarged(null)} />`}`;
}

function Tile({ row, enlarge }) {
  const box = useRef(null);
  const isInSight = useInSight(box);
  const node = row.currentNodeLabel ?? "Starting";
  return html`<li ref=${box} class="tile" data-status=${shownStatus(row)}>
    <button type="button" class="tile-picture" onClick=${enlarge} aria-label=${`Enlarge the browser of ${row.workflowFileName}`}>
      ${isInSight ? html`<${LivePicture} executionId=${row.executionId} label=${`Page of ${row.workflowFileName}`} />` : html`<div class="live-picture empty"><canvas width="480" height="270"></canvas></div>`}
    </button>
    <div class="tile-words">
      <a class="tile-name clip" href=${href("executions", row.executionId)} title=${row.workflowPath}>${row.workflowFileName}</a>
      <span class="faint" title="At this node"><${Duration} since=${row.pause?.since ?? row.question?.since ?? row.nodeStartedAt ?? row.startedAt} /></span>
      <span class="tile-state"><${StatusBadge} status=${shownStatus(row)} quiet /><span class="clip soft" title=${node}>${node}</span></span>
    </div></li>`;
}

function Enlarged({ row, onClose }) {
  return html`<${Dialog} wide title=${row.workflowFileName} onClose=${onClose} foot=${html`
      <span class="grow row"><${StatusBadge} status=${shownStatus(row)} /><span class="clip soft">${row.currentNodeLabel ?? ""}</span></span>
      <a class="button primary" href=${href("executions", row.executionId)} onClick=${onClose}>Open the execution</a>
      <${Button} onClick=${onClose}>Close<//>`}>
    <${LivePicture} executionId=${row.executionId} large label=${`Page of ${row.workflowFileName}`} /><//>`;
}

function useInSight(box) {
  const [isInSight, setInSight] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setInSight(entry.isIntersecting), { rootMargin: "80px" });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return isInSight;
}
