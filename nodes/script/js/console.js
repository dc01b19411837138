// The console: lines go into the execution's log, formatted as Node does.

const counts = new Map();
const clocks = new Map();
let indent = "";

function formatted(args) {
  if (args.every((arg) => typeof arg === "string") && !args[0]?.includes("%")) return args.join(" ");
  return library("inspect").format(...args);
}

function log(level, args) {
  const text = formatted(args);
  send({ op: "log", level, text: indent ? indent + text.replaceAll("\n", `\n${indent}`) : text });
}

const console = {
  log: (...args) => log("info", args),
  info: (...args) => log("info", args),
  debug: (...args) => log("debug", args),
  warn: (...args) => log("warning", args),
  error: (...args) => log("error", args),
  trace: (...args) => log("error", [`Trace: ${formatted(args)}\n${scriptFrames()}`]),
  dir: (value, options) => log("info", [library("inspect").inspect(value, { customInspect: false, ...options })]),
  dirxml: (...args) => log("info", args),
  table: (rows, columns) => log("info", [typeof rows === "object" && rows ? table(rows, columns) : rows]),
  assert: (holds, ...args) => {
    if (holds) return;
    if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift("Assertion failed");
    log("warning", args);
  },
  count: (name = "default") => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    log("info", [`${name}: ${counts.get(name)}`]);
  },
  countReset: (name = "default") => counts.delete(name),
  group: (...args) => {
    if (args.length) log("info", args);
    indent += "  ";
  },
  groupCollapsed: (...args) => console.group(...args),
  groupEnd: () => {
    indent = indent.slice(2);
  },
  time: (name = "default") => clocks.set(name, now()),
  timeLog: (name = "default", ...args) => log("info", [`${name}: ${elapsed(name)}`, ...args]),
  timeEnd: (name = "default") => {
    log("info", [`${name}: ${elapsed(name)}`]);
    clocks.delete(name);
  },
};

function elapsed(name) {
  return `${(now() - (clocks.get(name) ?? now())).toFixed(3)}ms`;
}

function table(rows, columns) {
  const { inspect } = library("inspect");
  const show = (value) => inspect(value, { depth: 0, maxArrayLength: 3, breakLength: Infinity });
  const entries = rows instanceof Map ? [...rows] : Object.entries(rows);
  const names = columns ? [...columns] : [];
  let values = false;
  for (const [, row] of entries) {
    if (row === null || typeof row !== "object") values = true;
    else if (!columns) for (const key of Object.keys(row)) if (!names.includes(key)) names.push(key);
  }
  const head = ["(index)", ...names, ...(values ? ["Values"] : [])];
  const body = entries.map(([key, row]) => {
    const isObject = row !== null && typeof row === "object";
    const cells = names.map((name) => (isObject && name in row ? show(row[name]) : ""));
    return [String(key), ...cells, ...(values ? [isObject ? "" : show(row)] : [])];
  });
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((row) => row[i].length)) + 2);
  const line = (left, middle, right) => left + widths.map((width) => "─".repeat(width)).join(middle) + right;
  const text = (row) => `│${row.map((cell, i) => ` ${cell}`.padEnd(widths[i])).join("│")}│`;
  return [line("┌", "┬", "┐"), text(head), line("├", "┼", "┤"), ...body.map(text), line("└", "┴", "┘")].join("\n");
}

function stackOf(error) {
  if (!isError(error)) return typeof error === "string" ? error : formatted([error]);
  return error.stack ? String(error.stack) : `${error.name}: ${error.message}`;
}

function describeError(error) {
  const text = isError(error) ? String(error.message) : typeof error === "string" ? error : formatted([error]);
  return { name: isError(error) ? String(error.name) : "Error", message: text, stack: stackOf(error) };
}
