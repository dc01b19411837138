// The feed: one WebSocket, what the page shows as topics, snapshots and events into the store.
// The protocol is written down in server/dashboard/feed.py.

import { clockSkew, connection, keepOnly, takeEvents, takeSnapshot, upgrade } from "./store.js";

const RETRY_FIRST_MS = 300;
const RETRY_MOST_MS = 5000;

/** How often each topic is shown; a topic is watched while somebody shows it. */
const shown = new Map();
const pictureListeners = new Set();
let socket = null;
let retryMs = RETRY_FIRST_MS;
let lastSeq = null;
let served = null;
let announced = false;

/** Watch a topic ("live", "batch:<id>", "execution:<id>", "picture:<id>") until the returned function is called. */
export function watch(topic) {
  shown.set(topic, (shown.get(topic) ?? 0) + 1);
  announceSoon();
  return () => {
    const left = shown.get(topic) - 1;
    if (left > 0) shown.set(topic, left);
    else shown.delete(topic);
    announceSoon();
  };
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
  socket.onmessage = ({ data }) => (typeof data === "string" ? take(JSON.parse(data)) : takePicture(data));
  socket.onclose = () => {
    if (connection.value.state !== "stale") connection.value = { state: "stale", since: Date.now(), caughtUp: null };
    setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, RETRY_MOST_MS);
  };
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
    case "lost":
      announced = false;
      return announce();
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
  announced = false;
  announce();
}

function takePicture(data) {
  const view = new DataView(data);
  const length = view.getUint8(0);
  const id = new TextDecoder().decode(new Uint8Array(data, 1, length));
  const blob = new Blob([new Uint8Array(data, 1 + length)], { type: "image/jpeg" });
  for (const listener of pictureListeners) listener(id, blob);
}

function announceSoon() {
  if (!announced) return;
  announced = false;
  queueMicrotask(announce);
}

function announce() {
  if (announced || socket?.readyState !== WebSocket.OPEN) return;
  announced = true;
  const topics = [...shown.keys()];
  keepOnly(new Set(topics));
  socket.send(JSON.stringify({ type: "watch", topics }));
}
