// Talking to the host process: text goes through shared memory, one chunk at a time.
// `host()` returns when the host has taken or filled the chunk; a call blocks until its answer is there.

const OP = { SEND: 1, RECEIVE: 2, CALL: 3, SOURCE: 4, RANDOM: 5 };
const control = new Int32Array(shared, 0, 4);
const units = new Uint16Array(shared, 16);
const fromCharCode = String.fromCharCode;
const { parse, stringify } = JSON;

function push(op, text) {
  let at = 0;
  do {
    const count = Math.min(units.length, text.length - at);
    for (let i = 0; i < count; i++) units[i] = text.charCodeAt(at + i);
    at += count;
    control[0] = op;
    control[1] = count;
    control[2] = at < text.length ? 1 : 0;
    host();
  } while (at < text.length);
}

function pull() {
  let text = "";
  do {
    control[0] = OP.RECEIVE;
    host();
    const count = control[1];
    for (let i = 0; i < count; i += 8192)
      text += fromCharCode.apply(null, units.subarray(i, Math.min(i + 8192, count)));
  } while (control[2]);
  return text;
}

function send(message) {
  push(OP.SEND, stringify(message));
}

// Ask the host and wait for the answer; the script stands still meanwhile.
function ask(message) {
  push(OP.CALL, stringify(message));
  const answer = parse(pull());
  if (answer.error) throw toError(answer.error);
  return answer.value;
}

function randomBytes(count) {
  control[0] = OP.RANDOM;
  control[1] = count;
  host();
  return new Uint8Array(shared, 16, count).slice();
}

// Larger parts of the library are compiled when a script first needs them.
const loaded = new Map();
function library(name) {
  if (!loaded.has(name)) {
    push(OP.SOURCE, name);
    loaded.set(name, (0, eval)(pull()));
  }
  return loaded.get(name);
}

function toError({ name, message, stack }, frames) {
  const error = new Error(message);
  if (name && name !== "Error") Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  if (stack) error.stack = stack;
  else if (frames) error.stack = `${error.name}: ${message}\n${frames}`;
  return error;
}

// Stacks show the lines of the script alone. The function around it adds two lines in front.
Error.prepareStackTrace = (error, sites) => {
  const frames = sites
    .filter((site) => site.getScriptNameOrSourceURL() === "workflow-script")
    .map((site) => {
      const name = site.getFunctionName();
      const where = `script:${site.getLineNumber() - 2}:${site.getColumnNumber()}`;
      const place = name && name !== "anonymous" && name !== "eval" ? `${name} (${where})` : where;
      return `    at ${site.isAsync() ? "async " : ""}${place}`;
    });
  const name = error?.name ?? "Error";
  const head = error?.message ? `${name}: ${error.message}` : String(name);
  return [head, ...frames].join("\n");
};

function scriptFrames() {
  return new Error("-").stack.split("\n").slice(1).join("\n");
}
