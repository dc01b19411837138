// fetch and what belongs to it. The request itself is sent by the host, under the run's network policy.
({ send, pending, base64, library, scriptFrames, startTimer, guarded }) => {
  const bytesOf = (text) => new Uint8Array(library("buffer").Buffer.from(String(text), "utf8"));

  class Event {
    constructor(type, fields = {}) {
      Object.assign(this, { type: String(type), target: null, defaultPrevented: false }, fields);
    }
    preventDefault() {
      this.defaultPrevented = true;
    }
  }

  class EventTarget {
    #listeners = [];
    addEventListener(type, listener, options) {
      const same = (entry) => entry.type === type && entry.listener === listener;
      if (listener && !this.#listeners.some(same))
        this.#listeners.push({ type, listener, once: Boolean(options?.once) });
    }
    removeEventListener(type, listener) {
      this.#listeners = this.#listeners.filter((entry) => entry.type !== type || entry.listener !== listener);
    }
    dispatchEvent(event) {
      event.target = this;
      for (const { type, listener, once } of [...this.#listeners]) {
        if (type !== event.type) continue;
        if (once) this.removeEventListener(type, listener);
        guarded(() => (typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event)));
      }
      guarded(() => this[`on${event.type}`]?.(event));
      return !event.defaultPrevented;
    }
  }

  class AbortSignal extends EventTarget {
    aborted = false;
    reason = undefined;
    throwIfAborted() {
      if (this.aborted) throw this.reason;
    }
    static abort(reason) {
      const controller = new AbortController();
      controller.abort(reason);
      return controller.signal;
    }
    static timeout(ms) {
      const controller = new AbortController();
      startTimer(() => controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")), ms, [], false);
      return controller.signal;
    }
    static any(signals) {
      const controller = new AbortController();
      for (const signal of signals) {
        if (signal.aborted) controller.abort(signal.reason);
        signal.addEventListener("abort", () => controller.abort(signal.reason));
      }
      return controller.signal;
    }
  }

  class AbortController {
    signal = new AbortSignal();
    abort(reason = new DOMException("This operation was aborted", "AbortError")) {
      if (this.signal.aborted) return;
      Object.assign(this.signal, { aborted: true, reason });
      this.signal.dispatchEvent(new Event("abort"));
    }
  }

  class Headers {
    #items = new Map();
    constructor(init) {
      if (init === undefined || init === null) return;
      const entries = init instanceof Headers || Array.isArray(init) || init instanceof Map ? init : Object.entries(init);
      for (const [name, value] of entries) this.append(name, value);
    }
    #key(name) {
      const key = String(name).toLowerCase();
      if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(key)) throw new TypeError(`Header name must be a valid HTTP token ["${name}"]`);
      return key;
    }
    append(name, value) {
      const key = this.#key(name);
      const text = String(value).trim();
      this.#items.set(key, this.#items.has(key) ? `${this.#items.get(key)}, ${text}` : text);
    }
    set(name, value) {
      this.#items.set(this.#key(name), String(value).trim());
    }
    get(name) {
      return this.#items.get(this.#key(name)) ?? null;
    }
    has(name) {
      return this.#items.has(this.#key(name));
    }
    delete(name) {
      this.#items.delete(this.#key(name));
    }
    getSetCookie() {
      const value = this.get("set-cookie");
      return value === null ? [] : value.split(/,(?=\s*[^;=\s]+=)/).map((part) => part.trim());
    }
    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }
    *entries() {
      yield* [...this.#items].sort(([a], [b]) => (a < b ? -1 : 1));
    }
    *keys() {
      for (const [name] of this.entries()) yield name;
    }
    *values() {
      for (const [, value] of this.entries()) yield value;
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) {
      return `Headers ${inspect(Object.fromEntries(this), options)}`;
    }
  }

  class Blob {
    #bytes;
    constructor(pieces = [], { type = "" } = {}) {
      this.#bytes = join(pieces.map((piece) => (piece instanceof Blob ? piece.#bytes : rawBytes(piece))));
      this.type = String(type).toLowerCase();
    }
    get size() {
      return this.#bytes.length;
    }
    async arrayBuffer() {
      return this.#bytes.slice().buffer;
    }
    async bytes() {
      return this.#bytes.slice();
    }
    async text() {
      return new TextDecoder().decode(this.#bytes);
    }
    slice(from = 0, to = this.size, type = "") {
      return new Blob([this.#bytes.slice(from, to)], { type });
    }
    static raw(blob) {
      return blob.#bytes;
    }
  }
  const blobBytes = Blob.raw;
  delete Blob.raw;

  class File extends Blob {
    constructor(pieces, name, options = {}) {
      super(pieces, options);
      this.name = String(name);
      this.lastModified = options.lastModified ?? Date.now();
    }
  }

  class FormData {
    #items = [];
    append(name, value, fileName) {
      this.#items.push([String(name), FormData.#entry(value, fileName)]);
    }
    set(name, value, fileName) {
      this.delete(name);
      this.append(name, value, fileName);
    }
    get(name) {
      return this.getAll(name)[0] ?? null;
    }
    getAll(name) {
      return this.#items.filter(([key]) => key === name).map(([, value]) => value);
    }
    has(name) {
      return this.#items.some(([key]) => key === name);
    }
    delete(name) {
      this.#items = this.#items.filter(([key]) => key !== name);
    }
    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }
    entries() {
      return this.#items[Symbol.iterator]();
    }
    keys() {
      return this.#items.map(([name]) => name)[Symbol.iterator]();
    }
    values() {
      return this.#items.map(([, value]) => value)[Symbol.iterator]();
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    static #entry(value, fileName) {
      if (!(value instanceof Blob)) return String(value);
      if (value instanceof File && fileName === undefined) return value;
      return new File([value], fileName ?? value.name ?? "blob", { type: value.type });
    }
  }

  function join(pieces) {
    const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  function rawBytes(value) {
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return value instanceof ArrayBuffer ? new Uint8Array(value) : bytesOf(value);
  }

  function multipart(form) {
    const boundary = `----workflow${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
    const quoted = (text) => text.replace(/"/g, "%22").replace(/\r?\n/g, "%0D%0A");
    const pieces = [];
    for (const [name, value] of form) {
      const isFile = value instanceof File;
      const file = isFile ? `; filename="${quoted(value.name)}"` : "";
      const type = isFile ? `\r\nContent-Type: ${value.type || "application/octet-stream"}` : "";
      pieces.push(bytesOf(`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"${file}${type}\r\n\r\n`));
      pieces.push(isFile ? blobBytes(value) : bytesOf(value), bytesOf("\r\n"));
    }
    pieces.push(bytesOf(`--${boundary}--\r\n`));
    return { bytes: join(pieces), type: `multipart/form-data; boundary=${boundary}` };
  }

  // The bytes of a body and the content type that goes with it.
  function bodyOf(value) {
    if (value === null || value === undefined) return { bytes: null, type: null };
    if (value instanceof FormData) return multipart(value);
    if (value instanceof Blob) return { bytes: blobBytes(value), type: value.type || null };
    if (value instanceof URLSearchParams)
      return { bytes: bytesOf(value), type: "application/x-www-form-urlencoded;charset=UTF-8" };
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return { bytes: rawBytes(value).slice(), type: null };
    return { bytes: bytesOf(value), type: "text/plain;charset=UTF-8" };
  }

  class Body {
    #bytes;
    bodyUsed = false;
    constructor(bytes) {
      Object.defineProperty(this, "bodyUsed", { value: false, writable: true, enumerable: false });
      this.#bytes = bytes;
    }
    #take() {
      if (this.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
      this.bodyUsed = this.#bytes !== null;
      return this.#bytes ?? new Uint8Array(0);
    }
    async bytes() {
      return this.#take().slice();
    }
    async arrayBuffer() {
      return this.#take().slice().buffer;
    }
    async text() {
      return new TextDecoder().decode(this.#take());
    }
    async json() {
      return JSON.parse(await this.text());
    }
    async blob() {
      return new Blob([this.#take()], { type: this.headers.get("content-type") ?? "" });
    }
    async formData() {
      const form = new FormData();
      for (const [name, value] of new URLSearchParams(await this.text())) form.append(name, value);
      return form;
    }
    static peek(body) {
      if (body.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
      return body.#bytes;
    }
  }
  const peek = Body.peek;
  delete Body.peek;

  class Request extends Body {
    constructor(input, init = {}) {
      const from = input instanceof Request ? input : null;
      const body = "body" in init ? bodyOf(init.body) : { bytes: from ? peek(from) : null, type: null };
      super(body.bytes);
      this.url = from ? from.url : new URL(String(input)).href;
      this.method = String(init.method ?? from?.method ?? "GET").toUpperCase();
      this.headers = new Headers(init.headers ?? from?.headers);
      if (body.type && !this.headers.has("content-type")) this.headers.set("content-type", body.type);
      this.redirect = init.redirect ?? from?.redirect ?? "follow";
      this.signal = init.signal ?? from?.signal ?? null;
      if (body.bytes && (this.method === "GET" || this.method === "HEAD"))
        throw new TypeError("Request with GET/HEAD method cannot have body.");
    }
    clone() {
      return new Request(this, { signal: this.signal });
    }
  }

  class Response extends Body {
    constructor(body = null, { status = 200, statusText = "", headers, url = "", redirected = false } = {}) {
      const { bytes, type } = bodyOf(body);
      super(bytes);
      this.status = status;
      this.statusText = statusText;
      this.headers = new Headers(headers);
      if (type && !this.headers.has("content-type")) this.headers.set("content-type", type);
      this.ok = status >= 200 && status < 300;
      this.url = url;
      this.redirected = redirected;
      this.type = "basic";
    }
    clone() {
      return new Response(peek(this), this);
    }
    static json(value, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has("content-type")) headers.set("content-type", "application/json");
      return new Response(JSON.stringify(value), { ...init, headers });
    }
    static error() {
      return Object.assign(new Response(null, { status: 0 }), { ok: false, type: "error" });
    }
    static redirect(url, status = 302) {
      return new Response(null, { status, headers: { location: String(url) } });
    }
  }

  let last = 0;

  async function fetch(input, init) {
    const request = new Request(input, init);
    const { signal, method, url, redirect } = request;
    signal?.throwIfAborted();
    const bytes = peek(request);
    const id = `fetch-${++last}`;
    const frames = scriptFrames();
    const body = bytes ? base64(bytes) : null;
    const answer = new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject: (error) => reject(failure(error)), frames });
      signal?.addEventListener("abort", () => {
        pending.delete(id);
        send({ op: "abort", id });
        reject(signal.reason);
      });
    });
    send({ op: "fetch", id, method, url, redirect, body, headers: [...request.headers] });
    const { content, ...rest } = await answer;
    return new Response(content, rest);
  }

  function failure(cause) {
    const error = new TypeError("fetch failed", { cause });
    error.message = `fetch failed: ${cause.message}`;
    return error;
  }

  return { fetch, Headers, Request, Response, FormData, Blob, File, AbortController, AbortSignal, Event, EventTarget };
};
