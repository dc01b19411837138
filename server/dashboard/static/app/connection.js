// The feed: one WebSocket, what the page shows as topics, snapshots and events into the store.
// The protocol is written down in server/dashboard/feed.py.

import { useLayoutEffect } from "../vendor/ui.js";
import { clockSkew, connection, keepOnly, queue, takeEvents, takeSnapshot, upgrade } from "./store.js";
import { isReport } from "./api.js";

const RETRY_FIRST_MS = 300;
const RETRY_MOST_MS = 5000;

/** How often each topic is shown; a topic is watched while somebody shows it. */
const shown = new Map();
const pictureListeners = new Set();
let socket = null;
let retryMs = RETRY_FIRST_MS;
let lastSeq = null;
let served = null;
let told = "";
let toldSoon = false;

/** Watch a topic ("live", "history", "batch:<id>", "execution:<id>", "picture:<id>") until the returned function is called. */
export function watch(topic) {
  if (isReport) return () => undefined;
  shown.set(topic, (shown.get(topic) ?? 0) + 1);
  announceSoon();
  return () => {
    const left = shown.get(topic) - 1;
    if (left > 0) shown.set(topic, left);
    else shown.delete(topic);
    announceSoon();
  };
}

/** Watch a topic while the component is shown, from the same moment on: what is not watched is forgotten. */
export function useTopic(topic) {
  useLayoutEffect(() => watch(topic), [topic]);
}

/** Call `listener(executionId, blob)` with each live picture; returns a function that ends it. */
export function onPicture(listener) {
  pictureListeners.add(listener);
  return () => pictureListeners.delete(listener);
}

/** Open the feed and keep it open. */
export function connect() {
  const url = new URL("/api/dashboard/feed", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let greeted = false;
  socket.onmessage = ({ data }) => {
    greeted = true;
    if (typeof data === "string") take(JSON.parse(data));
    else takePicture(data);
  };
  socket.onclose = async () => {
    if (connection.peek().state !== "stale") connection.value = { state: "stale", since: Date.now(), caughtUp: null };
    if (!greeted) await goToLoginIfAsked();
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, RETRY_MOST_MS);
  };
}

/** A refused handshake does not say why: ask. */
async function goToLoginIfAsked() {
  try {
    const answer = await fetch("/api/dashboard/session");
    if (answer.status === 401) location.assign("/login");
  } catch {
    retryMs = Math.max(retryMs, RETRY_FIRST_MS);
  }
}

function take(message) {
  switch (message.type) {
    case "hello":
      return greet(message);
    case "snapshot":
      return takeSnapshot(message);
    case "events":
      lastSeq = message.seq;
      return takeEvents(message.events);
    case "queue":
      queue.value = message.queue;
      return undefined;
    case "lost":
      told = "";
      return announce();
    default:
      return undefined;
  }
}

function greet(hello) {
  retryMs = RETRY_FIRST_MS;
  clockSkew.value = hello.now - Date.now();
  if (served && served.version !== hello.version) upgrade.value = { from: served.version, to: hello.version };
  served ??= hello;
  const caughtUp = lastSeq === null ? null : Math.max(0, hello.seq - lastSeq);
  lastSeq = hello.seq;
  connection.value = { state: "live", since: Date.now(), caughtUp };
  told = "";
  announce();
}

function takePicture(data) {
  const view = new DataView(data);
  const length = view.getUint8(0);
  const id = new TextDecoder().decode(new Uint8Array(data, 1, length));
  const blob = new Blob([new Uint8Array(data, 1 + length)], { type: "image/jpeg" });
  for (const listener of pictureListeners) listener(id, blob);
}

// Nobody sees the pictures of a page in the background.
document.addEventListener("visibilitychange", () => announceSoon());

/** Views that change places stop and start watching in one go: tell the server once. */
function announceSoon() {
  if (toldSoon) return;
  toldSoon = true;
  setTimeout(() => {
    toldSoon = false;
    announce();
  });
}

function announce() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const topics = [...shown.keys()].filter((topic) => !(document.hidden && topic.startsWith("picture:"))).toSorted();
  const text = JSON.stringify({ type: "watch", topics });
  if (text === told) return;
  told = text;
  keepOnly(new Set(topics));
  socket.send(text);
}
