// Timers; the host counts the time.

const timers = new Map();
let lastTimer = 0;

class Timeout {
  #id;
  constructor(id) {
    this.#id = id;
  }
  ref() {
    return this;
  }
  unref() {
    return this;
  }
  hasRef() {
    return true;
  }
  refresh() {
    if (timers.has(this.#id)) arm(this.#id);
    return this;
  }
  close() {
    clearTimer(this);
    return this;
  }
  [Symbol.toPrimitive]() {
    return this.#id;
  }
}

function arm(id) {
  send({ op: "timer", id, ms: timers.get(id).ms });
}

function startTimer(callback, ms, args, repeat) {
  if (typeof callback !== "function") throw new TypeError('The "callback" argument must be of type function');
  const delay = Number(ms);
  const id = ++lastTimer;
  timers.set(id, { callback, args, repeat, ms: delay >= 1 && delay < 2 ** 31 ? delay : repeat ? 1 : 0 });
  arm(id);
  return new Timeout(id);
}

function clearTimer(timer) {
  const id = Number(timer ?? 0);
  if (timers.delete(id)) send({ op: "clear", id });
}

function fire({ id }) {
  const timer = timers.get(id);
  if (!timer) return;
  if (timer.repeat) arm(id);
  else timers.delete(id);
  guarded(() => timer.callback(...timer.args));
}

// What a timer or listener throws cannot fail the node any more: it is written into the log.
function guarded(action) {
  try {
    action();
  } catch (error) {
    send({ op: "log", level: "error", text: `Uncaught ${stackOf(error)}` });
  }
}

const timerGlobals = {
  setTimeout: (callback, ms, ...args) => startTimer(callback, ms, args, false),
  setInterval: (callback, ms, ...args) => startTimer(callback, ms, args, true),
  setImmediate: (callback, ...args) => startTimer(callback, 0, args, false),
  clearTimeout: clearTimer,
  clearInterval: clearTimer,
  clearImmediate: clearTimer,
  queueMicrotask: (callback) => {
    if (typeof callback !== "function") throw new TypeError('The "callback" argument must be of type function');
    Promise.resolve().then(() => guarded(callback));
  },
};
