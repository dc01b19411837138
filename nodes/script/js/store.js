// `context.data` and `context.variables`: values come from the host when they are first looked at, and go back
// when they are set or, if a script changed something inside them, when it ends.

function makeStore(name, entries) {
  const cells = new Map();
  const snapshot = {};

  function load(key) {
    const value = decode(ask({ op: "load", store: name, key }));
    const cell = { value, text: stringify(encode(value)) };
    cells.set(key, cell);
    return cell;
  }

  function read(key) {
    const cell = cells.get(key);
    if (!cell) return background && live.has(key) ? load(key).value : undefined;
    if (background && cell.value !== null && typeof cell.value === "object") {
      flush();
      return load(key).value;
    }
    return cell.lazy ? load(key).value : cell.value;
  }

  function write(key, value) {
    if (typeof value === "function")
      throw new TypeError(`A function cannot be stored under '${key}': it ends with its script; store its result`);
    if (cells.get(key)?.lazy) load(key);
    settleSnapshot(key);
    const wire = encode(value);
    cells.set(key, { value, text: stringify(wire) });
    live.add(key);
    send({ op: "set", store: name, key, value: wire });
  }

  function flush() {
    for (const [key, cell] of cells) {
      if (cell.lazy || cell.value === null || typeof cell.value !== "object") continue;
      const wire = encode(cell.value);
      const text = stringify(wire);
      if (text === cell.text) continue;
      cell.text = text;
      send({ op: "set", store: name, key, value: wire });
    }
  }

  // The copy of before the script ran keeps its value when the store gets a new one.
  function settleSnapshot(key) {
    const property = Object.getOwnPropertyDescriptor(snapshot, key);
    if (property?.get) fix(key, property.get());
  }

  function fix(key, value) {
    Object.defineProperty(snapshot, key, { value, enumerable: true, configurable: true, writable: true });
  }

  const live = new Set(entries.map(([key]) => key));
  for (const [key, wire] of entries) {
    if (wire === undefined || wire === null || typeof wire !== "object" || !wire.lazy) {
      cells.set(key, { value: decode(wire), text: "" });
      fix(key, cells.get(key).value);
      continue;
    }
    cells.set(key, { lazy: true });
    Object.defineProperty(snapshot, key, {
      enumerable: true,
      configurable: true,
      get() {
        const { value } = cells.get(key).lazy ? load(key) : cells.get(key);
        fix(key, value);
        return value;
      },
      set(value) {
        fix(key, value);
      },
    });
  }
  return { snapshot, read, write, flush };
}
