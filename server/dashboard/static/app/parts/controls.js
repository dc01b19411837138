// Buttons, dialogs, messages, fields, names of batches, and what is shown where there is nothing.

import { html, signal, useEffect, useRef, useState } from "../../vendor/ui.js";
import { go, href } from "../router.js";
import { Icon } from "./status.js";
import { useKeys } from "./keys.js";
import { formatNumber } from "./time.js";

/** A button: `kind` is primary, danger, ghost; `icon` a name of an icon; without children it needs a `label`. */
export function Button({ kind = "", icon = "", small = false, label = "", pressed, busy = false, disabled, title, children, ...rest }) {
  const only = icon && !children;
  const classes = `button ${kind} ${small ? "small" : ""} ${only ? "icon" : ""}`;
  return html`<button type="button" class=${classes} aria-label=${label || undefined} title=${title ?? (only ? label : undefined)}
    aria-pressed=${pressed === undefined ? undefined : String(pressed)} aria-busy=${busy ? "true" : undefined}
    disabled=${disabled || busy} ...${rest}>
    ${icon && html`<${Icon} name=${busy ? "running" : icon} size=${small ? 14 : 16} />`}${children}</button>`;
}

/** A button that does something on the server: busy while it does, and says what went wrong. */
export function ActionButton({ action, done = "", ...rest }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await attempt(action, done);
    setBusy(false);
  };
  return html`<${Button} ...${rest} busy=${busy} onClick=${run} />`;
}

/** Do something and say how it went. Returns what it returned, or undefined if it failed. */
export async function attempt(action, done = "") {
  try {
    const result = await action();
    const said = typeof done === "function" ? done(result) : done;
    if (said) toast(said, "completed");
    return result;
  } catch (error) {
    toast(error.message, "failed");
    return undefined;
  }
}

/** Copies a text to the clipboard; `text` may be a function that makes it. */
export function CopyButton({ text, label = "Copy", small = true, children }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(typeof text === "function" ? text() : text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return html`<${Button} kind="ghost" icon=${copied ? "check" : "copy"} small=${small} label=${copied ? "Copied" : label} onClick=${copy}>${children}<//>`;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without permission or on a page without TLS: the older way.
    const field = Object.assign(document.createElement("textarea"), { value: text });
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

/** A command to type, with a button that copies it. */
export function Command({ children }) {
  return html`<div class="command"><span class="prompt" aria-hidden="true">$</span><code tabindex="0">${children}</code>
    <${CopyButton} text=${children} label="Copy the command" /></div>`;
}

/** What is shown where there is nothing, with the next thing to do; `page` if nothing else is on the page. */
export function Empty({ icon = "live", title, text = "", command = "", page = false, children }) {
  return html`<div class="empty"><div class="empty-art"><${Icon} name=${icon} size=${26} /></div>
    <${page ? "h1" : "h2"} class="empty-title">${title}<//>${text && html`<p>${text}</p>`}${command && html`<${Command}>${command}<//>`}${children}</div>`;
}

/** Where something will be that is not there yet; never old data. */
export function Skeleton({ lines = 3, block = false }) {
  return html`<div role="status" aria-label="Loading">${block && html`<div class="skeleton block"></div>`}
    ${Array.from({ length: lines }, (_, index) => html`<div key=${index} class="skeleton line" style=${{ width: `${92 - index * 17}%` }}></div>`)}</div>`;
}

/** A dialog that is open while it is rendered; `onClose` is called by Escape, the veil and the button. */
export function Dialog({ title, onClose, foot, wide = false, children }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    if (!box.current.open) box.current.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  const onVeil = (event) => event.target === box.current && onClose();
  return html`<dialog ref=${box} class=${`dialog ${wide ? "wide" : ""}`} aria-labelledby="dialog-title" onClick=${onVeil}
    onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <div class="dialog-head"><h2 id="dialog-title" class="grow">${title}</h2>
      <${Button} kind="ghost" small icon="close" label="Close" onClick=${onClose} /></div>
    <div class="dialog-body">${children}</div>
    ${foot && html`<div class="dialog-foot">${foot}</div>`}</dialog>`;
}

const question = signal(null);

/** Ask before something that cannot be taken back; resolves to whether it was confirmed. */
export function confirm({ title, text, action, danger = true }) {
  return new Promise((resolve) => {
    question.value = { title, text, action, danger, resolve };
  });
}

/** Where the question of `confirm` appears; once per page. */
export function Confirmation() {
  const asked = question.value;
  if (!asked) return null;
  const answer = (yes) => {
    question.value = null;
    asked.resolve(yes);
  };
  return html`<${Dialog} title=${asked.title} onClose=${() => answer(false)} foot=${html`
    <${Button} onClick=${() => answer(false)}>Cancel<//>
    <${Button} kind=${`primary ${asked.danger ? "danger" : ""}`} autofocus onClick=${() => answer(true)}>${asked.action}<//>`}>
    <p>${asked.text}</p><//>`;
}

const toasts = signal([]);
let lastToast = 0;
const TOAST_MS = 7000;

/** Say something for a while; `status` gives colour and icon. */
export function toast(text, status = "running", link = null) {
  const id = ++lastToast;
  toasts.value = [...toasts.peek(), { id, text, status, link }].slice(-4);
  setTimeout(() => dismiss(id), TOAST_MS);
}

const dismiss = (id) => { toasts.value = toasts.peek().filter((item) => item.id !== id); };

/** Where messages appear; once per page. */
export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">${toasts.value.map((item) => html`
    <div class="toast" key=${item.id} data-status=${item.status}>
      <${Icon} name=${item.status === "running" ? "info" : item.status} /><div class="grow">${item.text}
      ${item.link && html` <a href=${item.link.href} onClick=${() => dismiss(item.id)}>${item.link.text}</a>`}</div>
      <${Button} kind="ghost" small icon="close" label="Dismiss" onClick=${() => dismiss(item.id)} /></div>`)}</div>`;
}

/** A search field that `/` reaches. */
export function Search({ value, onInput, placeholder, label, hint = "" }) {
  const field = useRef(null);
  useKeys([{ keys: ["/"], text: "Search or filter", run: () => field.current?.select() ?? field.current?.focus() }]);
  const onKeyDown = (event) => {
    if (event.key !== "Escape") return;
    if (value) onInput("");
    field.current.blur();
  };
  return html`<div class="search" role="search"><${Icon} name="search" />
    <input ref=${field} class="input" type="text" value=${value} placeholder=${placeholder} aria-label=${label} title=${hint || undefined}
      autocomplete="off" spellcheck=${false} onInput=${(event) => onInput(event.target.value)} onKeyDown=${onKeyDown} />
    ${value ? html`<${Button} kind="ghost" small icon="close" label="Clear" class="button ghost small icon clear" onClick=${() => onInput("")} />` : html`<kbd aria-hidden="true">/</kbd>`}</div>`;
}

/** Links that choose a part of a view; `items` are {id, text, count?, icon?, href}. */
export function Tabs({ items, current, label }) {
  return html`<nav class="tabs" aria-label=${label}>${items.map((item) => html`
    <a key=${item.id} href=${item.href} aria-current=${item.id === current ? "page" : undefined}>
      ${item.icon && html`<${Icon} name=${item.icon} size=${15} />`}${item.text}
      ${item.count !== undefined && html`<span class="count">${formatNumber(item.count)}</span>`}</a>`)}</nav>`;
}

/** What a batch is called: its folder's name, its only workflow, or how many it has. */
export function batchTitle(batch) {
  const names = batch.names ?? batch.executions?.slice(0, 2).map((row) => row.workflowFileName) ?? [];
  if (batch.single && names[0]) return names[0];
  if (batch.folderPath) return batch.folderPath.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1) || batch.folderPath;
  const count = batch.counts?.total ?? batch.executions?.length ?? 0;
  if (count === 1 && names[0]) return names[0];
  return names.length ? `${names[0]} and ${count - 1} more` : `${count} workflows`;
}

/** Where a batch is shown: a single run is its execution. */
export function batchHref(batch, query = {}) {
  const single = batch.single && (batch.executionId ?? batch.executions?.[0]?.executionId);
  return single ? href("executions", single) : href("batches", batch.batchId, query);
}

/** Say that a batch was started and go to it. */
export function goToBatch(accepted) {
  toast(`Started ${accepted.batchId}`, "completed");
  if (accepted.executionId) go("executions", accepted.executionId);
  else go("batches", accepted.batchId);
}

/** The tags of a batch, each a filter of the history. */
export function Tags({ tags }) {
  return html`${(tags ?? []).map((tag) => html`<a key=${tag} class="tag" href=${href("history", "", { q: /\s/.test(tag) ? `@"${tag}"` : `@${tag}` })}>@${tag}</a>`)}`;
}
