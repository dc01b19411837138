// The page: the bar above, the view that the address names below, and what every view shares.

import { effect, html, render, signal, useEffect, useRef } from "../vendor/ui.js";
import { isReport, report, stopAll } from "./api.js";
import { connect } from "./connection.js";
import { go, href, route } from "./router.js";
import { connection, queue, takeSnapshot, upgrade } from "./store.js";
import { LiveView } from "./live.js";
import { BatchView } from "./batch.js";
import { HistoryView } from "./history.js";
import { ExecutionView } from "./execution.js";
import { WorkflowsView } from "./workflows.js";
import { Button, Confirmation, Dialog, Empty, Toasts, attempt, confirm } from "./parts/controls.js";
import { Icon } from "./parts/status.js";
import { shortcuts, useKeys } from "./parts/keys.js";
import { Time, useNow } from "./parts/time.js";

const THEMES = ["auto", "light", "dark"];
const THEME_WORDS = { auto: "as the system", light: "light", dark: "dark" };
const CAUGHT_UP_MS = 6000;

/** Each place and what is shown there. */
const VIEWS = {
  "": { title: "Live", view: LiveView },
  batches: { title: "Batch", view: BatchView },
  executions: { title: "Execution", view: ExecutionView },
  history: { title: "History", view: HistoryView },
  workflows: { title: "Workflows", view: WorkflowsView },
};

const NAV = [
  { name: "", text: "Live", icon: "live", under: ["batches", "executions"] },
  { name: "history", text: "History", icon: "history", under: [] },
  { name: "workflows", text: "Workflows", icon: "workflows", under: [] },
];

const theme = signal(stored("theme") ?? "auto");
const showKeys = signal(false);

function App() {
  const { name, id } = route.value;
  const place = VIEWS[name];
  const main = useRef(null);
  useEffect(() => {
    document.title = `${id ? `${id} · ` : ""}${place?.title ?? "Not found"} · Batchwright`;
    scrollTo(0, 0);
  }, [name, id]);
  useKeys([
    { keys: ["?"], text: "Show the keys", group: "Everywhere", inDialog: true, run: () => { showKeys.value = !showKeys.value; } },
    { keys: ["t"], text: "Light or dark", group: "Everywhere", run: nextTheme },
    ...(isReport ? [] : NAV.map((item, index) => (
      { keys: [String(index + 1)], text: item.text, group: "Everywhere", run: () => go(item.name) }))),
  ]);
  const stale = connection.value.state === "stale";
  return html`<div class=${stale ? "stale" : ""}>
    <a class="skip-link" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>Skip to the content</a>
    <${Bar} />
    <${Banners} />
    <main id="main" ref=${main} class="view" tabindex="-1" key=${`${name}/${name === "workflows" ? "" : id}`}>
      ${place
        ? html`<${place.view} id=${id} path=${id} />`
        : html`<${Empty} page icon="search" title="There is nothing here" text="The address does not lead to anything."><a class="button" href=${href()}>Go to Live</a><//>`}
    </main>
    <${Toasts} /><${Confirmation} />
    ${showKeys.value && html`<${KeysDialog} />`}
  </div>`;
}

function Bar() {
  const { name } = route.value;
  return html`<header class="bar">
    <a class="brand" href=${isReport ? href("batches", report.batchId) : href()} aria-label="Batchwright">
      <${Mark} /><span class="brand-name">Batchwright</span></a>
    ${isReport
      ? html`<span class="badge" data-status="queued"><${Icon} name="file" size=${14} />Report of <${Time} at=${report.madeAt} /></span>`
      : html`<nav class="tabs-nav" aria-label="Views">${NAV.map((item) => html`
          <a key=${item.name} href=${href(item.name)} aria-current=${name === item.name || item.under.includes(name) ? "page" : undefined}>
            <${Icon} name=${item.icon} />${item.text}</a>`)}</nav>`}
    <div class="bar-end">
      ${!isReport && html`<${Slots} /><${StopAll} /><${Connection} />`}
      <span class="wide-only"><${Button} kind="ghost" icon="keyboard" label="Keys" onClick=${() => { showKeys.value = true; }} /></span>
      <${Button} kind="ghost" icon=${{ auto: "auto", light: "sun", dark: "moon" }[theme.value]}
        label=${`Colours: ${THEME_WORDS[theme.value]}`} onClick=${nextTheme} />
      ${session.value?.token && html`<form method="post" action="/logout"><button type="submit" class="button ghost icon" aria-label="Log out" title="Log out"><${Icon} name="logout" /></button></form>`}
    </div></header>`;
}

const session = signal(null);

function Mark() {
  return html`<svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9" fill="oklch(52% 0.2 272)" />
    <path d="M8 9.5h9M8 16h16M8 22.5h6" stroke="white" stroke-width="3" stroke-linecap="round" />
    <circle cx="23" cy="9.5" r="2.7" fill="oklch(84% 0.17 155)" /><circle cx="20" cy="22.5" r="2.7" fill="oklch(86% 0.16 85)" /></svg>`;
}

const MOST_DRAWN = 12;

function Slots() {
  const { slots, inUse, waiting } = queue.value;
  if (!slots) return null;
  const words = `${inUse} of ${slots} slots in use, ${waiting} waiting`;
  return html`<span class="row small soft wide-only" title=${words} role="img" aria-label=${words}>
    ${slots <= MOST_DRAWN && html`<span class="meter">${Array.from({ length: slots }, (_, index) => html`<i key=${index} class=${index < inUse ? "on" : ""}></i>`)}</span>`}
    <span class="num">${inUse}/${slots}</span>${waiting > 0 && html`<span class="num faint">+${waiting.toLocaleString()} waiting</span>`}</span>`;
}

function StopAll() {
  const { inUse, waiting, parked } = queue.value;
  const count = inUse + waiting + parked;
  if (count === 0) return null;
  const ask = async () => {
    const sure = await confirm({
      title: "Stop everything?", action: "Stop everything",
      text: `Everything that runs or waits ends now, whoever started it: ${count.toLocaleString()} ${count === 1 ? "execution" : "executions"}. What is stopped does not go on later; it can only be run again from its start.`,
    });
    if (sure) await attempt(stopAll, (done) => `${done.runningStopped} stopped, ${done.queuedCancelled} cancelled`);
  };
  return html`<${Button} kind="danger" small icon="stop" label="Stop all" onClick=${ask}><span class="wide-only">Stop all</span><//>`;
}

function Connection() {
  const { state, since, caughtUp } = connection.value;
  const now = useNow(state === "live" && caughtUp !== null);
  const status = { live: "running", stale: "failed" }[state] ?? "queued";
  const justBack = state === "live" && caughtUp !== null && now - since < CAUGHT_UP_MS;
  const words = { connecting: "Connecting", stale: "Disconnected" }[state]
    ?? (justBack ? `Caught up ${caughtUp.toLocaleString()} ${caughtUp === 1 ? "event" : "events"}` : "Live");
  return html`<span class="connection" data-status=${status} role="status" title=${words}><i aria-hidden="true"></i><span class=${justBack ? "" : "words"}>${words}</span></span>`;
}

function Banners() {
  const { state, since } = connection.value;
  return html`${state === "stale" && html`<div class="banner" data-status="failed" role="alert"><${Icon} name="failed" />
      <span>The server does not answer since <${Time} at=${since} clock />. What is shown is not up to date; it comes back by itself.</span></div>`}
    ${upgrade.value && html`<div class="banner" data-status="flaky" role="alert"><${Icon} name="info" />
      <span class="grow">The server is now version ${upgrade.value.to}, this page is of ${upgrade.value.from}.</span>
      <${Button} small onClick=${() => location.reload()}>Reload<//></div>`}`;
}

function KeysDialog() {
  const groups = new Map();
  for (const item of shortcuts.value.flat()) {
    const group = item.group ?? "This view";
    groups.set(group, [...(groups.get(group) ?? []), item]);
  }
  const close = () => { showKeys.value = false; };
  return html`<${Dialog} title="Keys" onClose=${close}>${[...groups].toReversed().map(([group, items]) => html`
    <section key=${group} class="keys" aria-label=${group}><h3>${group}</h3><dl class="keys-list">
      ${items.map((item) => html`<dt>${item.keys.map((key) => html`<kbd key=${key}>${KEY_WORDS[key] ?? key}</kbd>`)}</dt><dd>${item.text}</dd>`)}
    </dl></section>`)}<//>`;
}

const KEY_WORDS = { " ": "space", Escape: "esc", Enter: "↵", ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };

function nextTheme() {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  try {
    localStorage.setItem("theme", theme.value);
  } catch {
    // A page from disk may not keep anything; the choice holds until it is closed.
  }
}

function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

effect(() => {
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

if (isReport) {
  connection.value = { state: "report", since: Date.now(), caughtUp: null };
  report.snapshots.forEach(takeSnapshot);
  if (!route.value.name) history.replaceState(null, "", href("batches", report.batchId));
  dispatchEvent(new HashChangeEvent("hashchange"));
} else {
  connect();
  fetch("/api/dashboard/session").then((answer) => answer.ok && answer.json()).then((value) => { session.value = value || null; }, () => undefined);
}
render(html`<${App} />`, document.getElementById("app"));
