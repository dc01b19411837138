// What a script finds besides the language itself. Nothing here reaches files, processes or modules.

const began = Date.now();
const now = () => Date.now() - began;

function lazy(name, load) {
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: false,
    get() {
      const value = load();
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      return value;
    },
    set(value) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    },
  });
}

const crypto = {
  getRandomValues(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += 65536)
      bytes.set(randomBytes(Math.min(65536, bytes.length - at)), at);
    return array;
  },
  randomUUID() {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  },
};

// What the parts that are compiled later need of this library.
const internals = { ask, send, encode, decode, base64, unbase64, pending, library, scriptFrames, startTimer, guarded };

function install(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, enumerable: false, writable: true });
}

function installGlobals() {
  install("console", console);
  install("global", globalThis);
  install("performance", { now, timeOrigin: began });
  install("crypto", crypto);
  for (const [name, value] of Object.entries(timerGlobals)) install(name, value);
  for (const name of ["URL", "URLSearchParams"]) lazy(name, () => library("url")[name]);
  lazy("Buffer", () => library("buffer").Buffer);
  for (const name of ["TextEncoder", "TextDecoder", "structuredClone", "atob", "btoa", "DOMException"])
    lazy(name, () => web("text")[name]);
  for (const name of ["fetch", "Headers", "Request", "Response", "FormData", "Blob", "File", "AbortController", "AbortSignal", "Event", "EventTarget"])
    lazy(name, () => web("fetch")[name]);
}

const parts = new Map();
function web(name) {
  if (!parts.has(name)) parts.set(name, library(name)(internals));
  return parts.get(name);
}
