// Text and bytes: TextEncoder, TextDecoder, atob, btoa; and structuredClone.
({ base64, unbase64, library }) => {
  class DOMException extends Error {
    constructor(message = "", name = "Error") {
      super(message);
      Object.defineProperty(this, "name", { value: name, configurable: true });
    }
  }

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }
    encode(text = "") {
      return new Uint8Array(library("buffer").Buffer.from(String(text).toWellFormed(), "utf8"));
    }
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const char of String(text)) {
        const bytes = this.encode(char);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += char.length;
      }
      return { read, written };
    }
  }

  const ENCODINGS = {
    "utf-8": "utf-8", utf8: "utf-8", "unicode-1-1-utf-8": "utf-8",
    "utf-16le": "utf-16le", "utf-16": "utf-16le", "ucs-2": "utf-16le",
    latin1: "windows-1252", "iso-8859-1": "windows-1252", ascii: "windows-1252", "us-ascii": "windows-1252",
    "windows-1252": "windows-1252",
  };
  const WINDOWS_1252 =
    "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
    "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

  function bytesOf(input) {
    if (input === undefined) return new Uint8Array(0);
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    return new Uint8Array(input);
  }

  class TextDecoder {
    #held = new Uint8Array(0);
    constructor(name = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      const encoding = ENCODINGS[String(name).trim().toLowerCase()];
      if (!encoding) throw new RangeError(`The "${name}" encoding is not supported`);
      Object.assign(this, { encoding, fatal, ignoreBOM });
    }
    decode(input, { stream = false } = {}) {
      const { Buffer } = library("buffer");
      let bytes = Buffer.concat([this.#held, bytesOf(input)]);
      const rest = stream ? this.#unfinished(bytes) : 0;
      this.#held = bytes.subarray(bytes.length - rest);
      bytes = bytes.subarray(0, bytes.length - rest);
      let text;
      if (this.encoding === "utf-8") {
        text = bytes.toString("utf8");
        if (this.fatal && !Buffer.from(text, "utf8").equals(bytes))
          throw new TypeError("The encoded data was not valid for encoding utf-8");
      } else if (this.encoding === "utf-16le") text = bytes.toString("utf16le");
      else text = Array.from(bytes, (b) => (b >= 128 && b < 160 ? WINDOWS_1252[b - 128] : String.fromCharCode(b))).join("");
      return !this.ignoreBOM && text.startsWith("\ufeff") ? text.slice(1) : text;
    }
    // How many bytes at the end belong to a character that is not complete yet.
    #unfinished(bytes) {
      if (this.encoding === "utf-16le") return bytes.length % 2;
      if (this.encoding !== "utf-8") return 0;
      for (let back = 1; back <= Math.min(3, bytes.length); back++) {
        const byte = bytes[bytes.length - back];
        if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
        if (byte < 0x80) return 0;
      }
      return 0;
    }
  }

  function btoa(text) {
    const value = String(text);
    for (const char of value)
      if (char.codePointAt(0) > 255) throw new DOMException("Invalid character", "InvalidCharacterError");
    return base64(Uint8Array.from(value, (char) => char.charCodeAt(0)));
  }

  function atob(text) {
    const value = String(text).replace(/[\t\n\f\r ]/g, "");
    const body = value.length % 4 === 0 ? value.replace(/={1,2}$/, "") : value;
    if (body.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(body))
      throw new DOMException("The string to be decoded is not correctly encoded.", "InvalidCharacterError");
    return Array.from(unbase64(body), (byte) => String.fromCharCode(byte)).join("");
  }

  function clone(value, seen = new Map()) {
    if (typeof value === "function" || typeof value === "symbol")
      throw new DOMException(`${String(value)} could not be cloned.`, "DataCloneError");
    if (value === null || typeof value !== "object") return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => (seen.set(value, copy), copy);
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (value instanceof DataView) return keep(new DataView(clone(value.buffer, seen), value.byteOffset, value.byteLength));
    if (ArrayBuffer.isView(value)) return keep(library("buffer").Buffer.isBuffer(value) ? new Uint8Array(value) : value.slice());
    if (value instanceof Number || value instanceof String || value instanceof Boolean) return keep(Object(value.valueOf()));
    if (value instanceof Error) {
      const copy = keep(new (globalThis[value.name] ?? Error)(value.message));
      copy.stack = value.stack;
      return copy;
    }
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet)
      throw new DOMException(`${Object.prototype.toString.call(value)} could not be cloned.`, "DataCloneError");
    if (value instanceof Map) {
      const copy = keep(new Map());
      for (const [key, item] of value) copy.set(clone(key, seen), clone(item, seen));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(new Set());
      for (const item of value) copy.add(clone(item, seen));
      return copy;
    }
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
    return copy;
  }

  return { DOMException, TextEncoder, TextDecoder, atob, btoa, structuredClone: (value) => clone(value) };
};
