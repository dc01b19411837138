// The stores of an execution, data and variables: to look at, and to change while it is paused.

import { html, useEffect, useState } from "../vendor/ui.js";
import { call, get } from "./api.js";
import { ActionButton, Button, CopyButton, Empty, attempt } from "./parts/controls.js";

const MASK = "********";
// The same names as in batches/looking.py.
const SECRET = /pass(word|wd|phrase)|secret|token|api[-_]?key|authorization|credential|cookie|private[-_]?key/i;
const LONG = 160;
const MOST_ENTRIES = 60;
const MOST_ROWS = 9;
const ROW_CHARS = 40;
const ONE_LINE = 48;
const STORES = { variables: "Variables", data: "Data" };

/** What the stores held at the end, without secrets. @param {{execution: object}} given */
export function FinalValues({ execution: given }) {
  const execution = { data: masked(given.data ?? {}), variables: masked(given.variables ?? {}) };
  const stores = Object.keys(STORES).filter((name) => Object.keys(execution[name]).length > 0);
  if (stores.length === 0) return html`<${Empty} icon="file" title="Nothing was kept" text="Neither data nor variables were set when it ended." />`;
  return html`${stores.map((name) => html`<section key=${name} class="values"><div class="row spread"><h3>${STORES[name]}</h3>
      <${CopyButton} text=${JSON.stringify(execution[name], null, 2)} label=${`Copy ${STORES[name].toLowerCase()}`} /></div>
    <${ValueList} entries=${Object.entries(execution[name]).filter(([key]) => !isOwn(name, key))} /><${Own} store=${name} values=${execution[name]} /></section>`)}`;
}

/** Names and values. @param {{entries: [string, unknown][]}} given */
export function ValueList({ entries }) {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? entries : entries.slice(0, MOST_ENTRIES);
  return html`<dl class="values-list">${shown.map(([key, value]) => html`<div key=${key}><dt class="mono clip" title=${key}>${key}</dt><dd><${Value} value=${value} /></dd></div>`)}</dl>
    ${shown.length < entries.length && html`<${Button} small onClick=${() => setAll(true)}>Show all ${entries.length.toLocaleString()}<//>`}`;
}

/** What the runner itself keeps in data, out of the way. */
const OWN = new Set(["scrollThenAction", "isParallelExecution", "executionId", "batchId", "traceLogs", "outputDirectory", "screenshotsDirectory"]);
const isOwn = (store, key) => store === "data" && OWN.has(key);

function Own({ store, values }) {
  const entries = Object.entries(values).filter(([key]) => isOwn(store, key));
  if (entries.length === 0) return null;
  return html`<details class="small"><summary class="soft">${entries.length} set by the runner</summary><${ValueList} entries=${entries} /></details>`;
}

/** A value as JSON, long ones folded. */
export function Value({ value }) {
  const text = typeof value === "string" ? value : written(value ?? null);
  if (text.length <= LONG && !text.includes("\n")) return html`<code class="value" data-kind=${kindOf(value)}>${text === "" ? "(empty)" : text}</code>`;
  const words = Array.isArray(value) ? count(value.length, "entry", "entries") : typeof value === "object" ? count(Object.keys(value).length, "member", "members") : `${text.length.toLocaleString()} characters`;
  return html`<details class="value-long"><summary><code class="value" data-kind=${kindOf(value)}>${text.slice(0, 80).replaceAll(/\s+/g, " ")}…</code> <span class="faint small">${words}</span></summary><pre class="value">${text}</pre></details>`;
}

/**
 * The stores of a paused execution, to be changed.
 *
 * @param {{executionId: string, pause: object}} given Read anew with each pause.
 */
export function LiveValues({ executionId, pause }) {
  const [seen, setSeen] = useState(null);
  const [fault, setFault] = useState("");
  const read = async () => {
    try {
      const { inspection } = await get(`/api/dashboard/executions/${executionId}/standing`);
      if (inspection) setSeen(inspection);
      setFault("");
    } catch (error) {
      setFault(error.message);
    }
  };
  useEffect(() => { read(); }, [executionId, pause.number]);
  const change = (store, changes) => attempt(async () => {
    await call("PATCH", `/api/workflows/execution/${executionId}/variables`, changes);
    await read();
    return true;
  }, `${STORES[store]} changed`);
  if (fault) return html`<p class="soft small">The stores cannot be read: ${fault}</p>`;
  if (!seen) return null;
  return html`${seen.page && html`<p class="small page-line"><span class="faint">Page</span> <a href=${seen.page.url} target="_blank" rel="noreferrer" class="clip">${seen.page.title || seen.page.url}</a></p>`}
    ${Object.keys(STORES).map((store) => html`<${Store} key=${store} store=${store} values=${seen[store]} change=${change} />`)}
    <${Asked} executionId=${executionId} />
    <${Messages} seen=${seen} />`;
}

function Store({ store, values, change }) {
  const title = STORES[store];
  const set = (key, value) => change(store, { [store]: { [key]: value } });
  const remove = (key) => change(store, { [store === "data" ? "removeData" : "removeVariables"]: [key] });
  return html`<section class="values"><h3>${title} <span class="faint num">${Object.keys(values).length}</span></h3>
    <dl class="values-list editable">${Object.entries(values).filter(([key]) => !isOwn(store, key)).map(([key, value]) => html`<${Entry} key=${key} name=${key} value=${value} set=${set} remove=${remove} />`)}</dl>
    <${Own} store=${store} values=${values} />
    <${NewEntry} title=${title} names=${Object.keys(values)} set=${set} /></section>`;
}

function Entry({ name, value, set, remove }) {
  const given = typeof value === "string" ? value : written(value);
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  const fault = text === given ? "" : faultOf(text, value);
  const save = () => text !== given && !fault && set(name, typeof value === "string" ? text : JSON.parse(text));
  const isMasked = given.includes(MASK) && typeof value !== "string";
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); save(); }
    if (event.key === "Escape") { event.stopPropagation(); setText(given); }
  };
  const rows = Math.min(MOST_ROWS, text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / ROW_CHARS)), 0));
  return html`<div class="entry"><dt class="mono clip" title=${name}>${name}</dt>
    <dd><div class="entry-field"><textarea class="textarea mono" rows=${rows} value=${text} aria-label=${`Value of ${name}`} aria-invalid=${fault ? "true" : undefined} spellcheck=${false} readonly=${isMasked}
        title=${isMasked ? "It holds a secret, which is not shown" : undefined} onInput=${(event) => setText(event.target.value)} onKeyDown=${onKeyDown} />
      ${text === given
        ? html`<${Button} small kind="ghost" icon="close" label=${`Remove ${name}`} onClick=${() => remove(name)} />`
        : html`<${ActionButton} small kind="primary" icon="check" label=${`Save ${name}`} disabled=${Boolean(fault)} action=${save} />`}</div>
      ${fault && html`<p class="entry-fault small" role="alert">${fault}</p>`}</dd></div>`;
}

function NewEntry({ title, names, set }) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const key = name.trim();
  const add = async () => {
    await set(key, parsed(text));
    setName("");
    setText("");
  };
  return html`<form class="entry-new" onSubmit=${(event) => { event.preventDefault(); if (key) add(); }}>
    <input class="input mono" value=${name} placeholder="name" aria-label=${`Name of a new entry of ${title}`} spellcheck=${false} autocomplete="off" onInput=${(event) => setName(event.target.value)} />
    <input class="input mono" value=${text} placeholder="value, text or JSON" aria-label=${`Its value in ${title}`} spellcheck=${false} autocomplete="off" onInput=${(event) => setText(event.target.value)} />
    <button class="button small" type="submit" disabled=${!key}>${names.includes(key) ? "Replace" : "Add"}</button></form>`;
}

/** Elements of the page, or an expression over the stores. */
function Asked({ executionId }) {
  const [text, setText] = useState("");
  const [kind, setKind] = useState("selector");
  const [answer, setAnswer] = useState(null);
  const ask = async (event) => {
    event.preventDefault();
    const question = kind === "selector" ? { selector: text, highlight: true } : { expression: text };
    setAnswer((await attempt(() => call("POST", `/api/workflows/execution/${executionId}/evaluate`, question))) ?? null);
  };
  return html`<section class="values"><h3>Try out</h3>
    <form class="entry-new asked" onSubmit=${ask}>
      <select class="select" aria-label="What to try out" value=${kind} onChange=${(event) => { setKind(event.target.value); setAnswer(null); }}><option value="selector">Selector</option><option value="expression">Expression</option></select>
      <input class="input mono" value=${text} aria-label="Selector or expression" placeholder=${kind === "selector" ? "button.buy" : "variables.index > 2"} spellcheck=${false} autocomplete="off" onInput=${(event) => setText(event.target.value)} />
      <button class="button small" type="submit" disabled=${!text.trim()}>Try</button></form>
    ${answer && html`<div class="asked-answer small" role="status">${answer.count === undefined
      ? html`<${Value} value=${answer.value ?? null} />`
      : html`<p><b class="num">${answer.count}</b> ${answer.count === 1 ? "element" : "elements"}${answer.highlighted ? ", marked on the page" : ""}</p>
        <ul>${answer.elements.slice(0, 5).map((item, index) => html`<li key=${index} class="clip soft">${item.visible ? "" : "(hidden) "}${item.text || "(no text)"}</li>`)}</ul>`}</div>`}</section>`;
}

function Messages({ seen }) {
  const lines = [
    ...(seen.pageErrors ?? []).map((text) => ({ kind: "error", text })),
    ...(seen.networkFailures ?? []).map((item) => ({ kind: "request", text: `${item.method} ${item.url}: ${item.failure ?? item.status}` })),
    ...(seen.console ?? []).map((item) => ({ kind: item.type, text: item.text })),
  ];
  if (lines.length === 0) return null;
  return html`<section class="values"><details><summary><b>Console and failed requests</b> <span class="faint num">${lines.length}</span></summary>
    <ul class="messages">${lines.map((line, index) => html`<li key=${index} data-kind=${line.kind}><span class="tag">${line.kind}</span> <span class="mono">${line.text}</span></li>`)}</ul></details></section>`;
}

function faultOf(text, before) {
  if (typeof before === "string") return "";
  try {
    JSON.parse(text);
    return "";
  } catch {
    return "This is no JSON; put texts in quotes";
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A value with the entries hidden whose names sound like secrets. */
function masked(value) {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, SECRET.test(name) && item !== "" && item !== null ? MASK : masked(item)]));
}

/** JSON on one line where it is short. */
function written(value) {
  const line = JSON.stringify(value);
  return line.length <= ONE_LINE ? line : JSON.stringify(value, null, 2);
}

const count = (number, one, more) => `${number.toLocaleString()} ${number === 1 ? one : more}`;
const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
