// Values as JSON with marks: {a: array}, {o: object}, {d: Date}, {v: undefined} and so on; see values.py.
// Arrays and objects carry an id, so that both sides know which of them are the same.

const ids = new WeakMap();
const byId = new Map();
const functionIds = new WeakMap();
const functions = new Map();
const sources = new WeakMap();
const remotes = new WeakMap();
let lastId = 0;
let lastFunction = 0;

function idOf(value) {
  let id = ids.get(value);
  if (id === undefined) ids.set(value, (id = --lastId));
  return id;
}

function functionId(value) {
  let id = functionIds.get(value);
  if (id === undefined) {
    functionIds.set(value, (id = ++lastFunction));
    functions.set(id, value);
  }
  return id;
}

// The source as an expression, which methods of objects have not by themselves; null for what has none at all.
function sourceOf(value) {
  if (!sources.has(value)) sources.set(value, findSource(value));
  return sources.get(value);
}

function findSource(value) {
  const source = Function.prototype.toString.call(value);
  const compiles = (text) => {
    try {
      return Boolean(new Function(`(${text})`));
    } catch {
      return false;
    }
  };
  if (compiles(source)) return source;
  const named = source.startsWith("async ") ? `async function ${source.slice(6)}` : `function ${source}`;
  return compiles(named) ? named : null;
}

function encode(value, seen = new Set()) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : { n: String(value) };
    case "bigint":
      return { i: String(value) };
    case "function":
      return { f: functionId(value), s: sourceOf(value) };
    case "undefined":
    case "symbol":
      return { v: 0 };
  }
  if (value === null) return null;
  const remote = remotes.get(value);
  if (remote) return remote.wire;
  const plain = encodeAtom(value);
  if (plain !== undefined) return plain;
  const id = idOf(value);
  if (seen.has(id)) return { ref: id };
  seen.add(id);
  if (Array.isArray(value)) return { a: Array.from(value, (item) => encode(item, seen)), id };
  if (value instanceof Map)
    return { m: Array.from(value, ([key, item]) => [encode(key, seen), encode(item, seen)]), id };
  if (value instanceof Set) return { t: Array.from(value, (item) => encode(item, seen)), id };
  if (isError(value)) return { e: { name: String(value.name), message: String(value.message), stack: String(value.stack) }, id };
  const fields = {};
  for (const key of Object.keys(value)) setField(fields, key, encode(value[key], seen));
  return { o: fields, id };
}

function encodeAtom(value) {
  if (value instanceof Date) return { d: Number.isNaN(value.getTime()) ? null : value.getTime() };
  if (value instanceof RegExp) return { r: [value.source, value.flags] };
  if (ArrayBuffer.isView(value)) return { x: base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return { x: base64(new Uint8Array(value)) };
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return encode(value.valueOf());
  if (loaded.has("url")) {
    const { URL, URLSearchParams } = library("url");
    if (value instanceof URL) return { u: value.href };
    if (value instanceof URLSearchParams) return value.toString();
  }
  return undefined;
}

function isError(value) {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

// Of an object that is known by its id, the one that the script has counts while the script runs. Later, when
// others may have changed it, it is filled again, so that whoever holds it sees the new content.
function known(wire, refs, make, clear, fill) {
  const { id } = wire;
  const old = id === undefined ? undefined : byId.get(id);
  const value = old ?? make();
  if (id !== undefined) {
    refs.set(id, value);
    byId.set(id, value);
    ids.set(value, id);
  }
  if (old !== undefined && !background) return old;
  if (old !== undefined) clear(old);
  fill(value);
  return value;
}

function decode(wire, refs = new Map()) {
  if (wire === null || typeof wire !== "object") return wire;
  if ("a" in wire) return decodeArray(wire, refs);
  if ("o" in wire) return decodeObject(wire, refs);
  if ("ref" in wire) return refs.get(wire.ref) ?? byId.get(wire.ref);
  if ("v" in wire) return undefined;
  if ("n" in wire) return Number(wire.n);
  if ("d" in wire) return new Date(wire.d === null ? NaN : wire.d);
  if ("i" in wire) return BigInt(wire.i);
  if ("r" in wire) return new RegExp(wire.r[0], wire.r[1]);
  if ("x" in wire) return library("buffer").Buffer.from(wire.x, "base64");
  if ("u" in wire) return new (library("url").URL)(wire.u);
  if ("h" in wire) return remoteObject(wire);
  if ("m" in wire) return decodeMap(wire, refs);
  if ("t" in wire) return decodeSet(wire, refs);
  return known(wire, refs, () => toError(wire.e), () => {}, () => {});
}

function decodeArray(wire, refs) {
  const fill = (array) => wire.a.forEach((item) => array.push(decode(item, refs)));
  return known(wire, refs, () => [], (old) => (old.length = 0), fill);
}

function decodeMap(wire, refs) {
  const fill = (map) => wire.m.forEach(([key, item]) => map.set(decode(key, refs), decode(item, refs)));
  return known(wire, refs, () => new Map(), (old) => old.clear(), fill);
}

function decodeSet(wire, refs) {
  const fill = (set) => wire.t.forEach((item) => set.add(decode(item, refs)));
  return known(wire, refs, () => new Set(), (old) => old.clear(), fill);
}

function decodeObject(wire, refs) {
  const fill = (object) => {
    for (const key of Object.keys(wire.o)) setField(object, key, decode(wire.o[key], refs));
  };
  const clear = (old) => Object.keys(old).forEach((key) => delete old[key]);
  return known(wire, refs, () => ({}), clear, fill);
}

// A key named __proto__ is a key like any other here.
function setField(object, key, value) {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const left = bytes.length - i;
    parts.push(
      DIGITS[group >> 18] +
        DIGITS[(group >> 12) & 63] +
        (left > 1 ? DIGITS[(group >> 6) & 63] : "=") +
        (left > 2 ? DIGITS[group & 63] : "="),
    );
  }
  return parts.join("");
}

function unbase64(text) {
  const clean = text.replace(/=+$/, "");
  const bytes = new Uint8Array(Math.floor((clean.length * 3) / 4));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const char of clean) {
    bits = ((bits << 6) | DIGITS.indexOf(char)) & 0xffffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = (bits >> held) & 255;
    }
  }
  return bytes;
}
