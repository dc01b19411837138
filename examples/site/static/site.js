"use strict";

const SHORT_DELAY_MS = 300;
const CALLS_UNTIL_ANSWERED = 3;

const find = (selector) => document.querySelector(selector);
const byTestId = (name) => find(`[data-testid="${name}"]`);
const say = (text) => { byTestId("outcome").textContent = text; };
const on = (selector, type, handler) => { find(selector)?.addEventListener(type, handler); };

/** Parts of a page that are fetched after it has loaded. */
function loadLateParts() {
  for (const part of document.querySelectorAll("[data-load]")) {
    fetch(part.dataset.load)
      .then((response) => response.text())
      .then((html) => { part.innerHTML = html; part.setAttribute("aria-busy", "false"); });
  }
}

/** Berth request: show the slider's value, send the editable note along. */
function setUpForms() {
  const crew = find("#crew");
  if (crew) {
    crew.addEventListener("input", () => { byTestId("crew-output").textContent = crew.value; });
    crew.form.addEventListener("reset", () => { byTestId("crew-output").textContent = crew.defaultValue; });
  }
  for (const editable of document.querySelectorAll("[data-mirror]")) {
    const form = editable.closest("form");
    form.addEventListener("submit", () => { form.elements[editable.dataset.mirror].value = editable.innerText.trim(); });
    form.addEventListener("reset", () => { editable.textContent = ""; });
  }
}

function setUpDialogs() {
  on("#show-alert", "click", () => { alert("Wind from the west, force 4."); say("The weather was read."); });
  on("#ask-confirm", "click", () => { say(confirm("Really cancel the trip?") ? "The trip is cancelled." : "The trip goes on."); });
  on("#ask-name", "click", () => {
    const name = prompt("What is the boat called?");
    say(name ? `The boat is called ${name}.` : "The boat has no name.");
  });
}

function setUpTabs() {
  on("#open-popup", "click", () => { window.open("/playground/tides", "_blank", "width=480,height=360"); });
}

/** Rope size guide (inside a frame). */
function setUpSizeGuide() {
  on("#size-form", "submit", (event) => {
    event.preventDefault();
    const form = event.target;
    const size = Math.round(Number(form.elements.boat.value) * 1.2) + Number(form.elements.wind.value);
    find("#size-result").textContent = `Take a rope of ${size} mm.`;
  });
}

/** News list that grows when its end comes into view. */
function setUpFeed() {
  const feed = find("#feed");
  if (!feed) return;
  const sentinel = find("#feed-sentinel");
  let loading = false;
  const loadMore = async () => {
    if (loading) return;
    loading = true;
    const response = await fetch(`/api/feed?offset=${feed.children.length}`);
    const { items, more } = await response.json();
    for (const text of items) {
      const item = document.createElement("li");
      item.dataset.testid = "feed-item";
      item.className = "card";
      item.textContent = text;
      feed.append(item);
    }
    loading = false;
    observer.unobserve(sentinel);
    if (more) observer.observe(sentinel);
    else find("#feed-end").hidden = false;
  };
  const observer = new IntersectionObserver((entries) => { if (entries.some((e) => e.isIntersecting)) loadMore(); });
  observer.observe(sentinel);
}

function setUpTable() {
  const table = find("#shipments");
  if (!table) return;
  const body = table.tBodies[0];
  table.querySelectorAll("th").forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const direction = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      table.querySelectorAll("th").forEach((other) => other.setAttribute("aria-sort", "none"));
      header.setAttribute("aria-sort", direction);
      const text = (row) => row.cells[column].textContent;
      const rows = [...body.rows].sort((a, b) => text(a).localeCompare(text(b), "en", { numeric: true }));
      body.append(...(direction === "ascending" ? rows : rows.reverse()));
    });
  });
  on("#table-filter", "input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    byTestId("row-count").textContent = [...body.rows].filter((row) => !row.hidden).length;
  });
}

function setUpMenus() {
  const boat = find("#boat");
  if (!boat) return;
  const [menu, rename, label] = [find("#boat-menu"), find("#boat-rename"), find("#boat-label")];
  boat.addEventListener("contextmenu", (event) => { event.preventDefault(); menu.hidden = false; });
  menu.addEventListener("click", (event) => {
    menu.hidden = true;
    say(event.target.textContent === "Moor" ? "The boat is moored." : "The boat is sailing.");
  });
  label.addEventListener("dblclick", () => { rename.hidden = false; rename.value = label.textContent; rename.select(); });
  rename.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    label.textContent = rename.value;
    rename.hidden = true;
  });
}

function setUpBoard() {
  for (const ticket of document.querySelectorAll(".ticket")) {
    ticket.addEventListener("dragstart", (event) => { event.dataTransfer.setData("text/plain", ticket.id); });
  }
  for (const column of document.querySelectorAll(".column")) {
    column.addEventListener("dragover", (event) => event.preventDefault());
    column.addEventListener("drop", (event) => {
      event.preventDefault();
      const ticket = document.getElementById(event.dataTransfer.getData("text/plain"));
      column.append(ticket);
      say(`${ticket.textContent.split(":")[0]} is now in ${column.dataset.column}.`);
    });
  }
}

function setUpKeyboard() {
  const entry = find("#log-entry");
  if (!entry) return;
  const help = find("#keyboard-help");
  document.addEventListener("keydown", (event) => {
    byTestId("last-key").textContent = event.key;
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); say("Saved."); }
    else if (event.key === "Escape") help.hidden = true;
    else if (event.key === "?" && event.target !== entry) help.hidden = false;
  });
  entry.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !entry.value) return;
    const item = document.createElement("li");
    item.textContent = entry.value;
    find("#log").append(item);
    entry.value = "";
  });
}

function setUpPreferences() {
  const form = find("#preferences-form");
  if (!form) return;
  const readCookie = (name) => document.cookie.split("; ").find((c) => c.startsWith(`${name}=`))?.split("=")[1];
  const show = () => {
    byTestId("units").textContent = form.elements.units.value = localStorage.getItem("harbor.units") ?? "metric";
    byTestId("currency").textContent = form.elements.currency.value = readCookie("harbor_currency") ?? "USD";
    byTestId("visits").textContent = sessionStorage.getItem("harbor.visits");
  };
  sessionStorage.setItem("harbor.visits", Number(sessionStorage.getItem("harbor.visits") ?? 0) + 1);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    localStorage.setItem("harbor.units", form.elements.units.value);
    document.cookie = `harbor_currency=${form.elements.currency.value}; path=/; samesite=lax`;
    show();
  });
  show();
}

/** Two buttons and a number inside an open shadow tree. */
class CrewPicker extends HTMLElement {
  connectedCallback() {
    this.count = 0;
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `
      <style>
        div { display: flex; gap: .75rem; align-items: center; }
        button { font: inherit; padding: .4rem .9rem; border-radius: .5rem; border: 1px solid var(--line); background: var(--panel); color: inherit; }
        output { font-size: 1.5rem; min-width: 2ch; text-align: center; }
      </style>
      <div role="group" aria-label="Crew">
        <button type="button" class="less">One less</button>
        <output data-testid="crew-count">0</output>
        <button type="button" class="more">One more</button>
      </div>`;
    root.querySelector(".less").addEventListener("click", () => this.change(-1));
    root.querySelector(".more").addEventListener("click", () => this.change(1));
  }

  change(step) {
    this.count = Math.max(0, this.count + step);
    this.shadowRoot.querySelector("output").textContent = this.count;
    byTestId("crew-heard").textContent = this.count;
  }
}

/** Work that takes a moment, and a call that is answered only after several tries. */
function setUpDelays() {
  let calls = 0;
  on("#pack-order", "click", () => {
    say("Packing…");
    setTimeout(() => {
      window.orderPacked = true;
      history.pushState({}, "", "/playground/delays?step=packed");
      say("The order is packed.");
    }, SHORT_DELAY_MS);
  });
  on("#call-harbor", "click", () => {
    calls += 1;
    say(calls < CALLS_UNTIL_ANSWERED ? "The line is busy." : "The harbor master answers.");
  });
}

customElements.define("crew-picker", CrewPicker);
loadLateParts();
setUpForms();
setUpDialogs();
setUpTabs();
setUpSizeGuide();
setUpFeed();
setUpTable();
setUpMenus();
setUpBoard();
setUpKeyboard();
setUpPreferences();
setUpDelays();
