// Objects of the browser library: classes are made from the description that the host gives.
// An asynchronous method becomes a call with a promise; a synchronous one asks the host and waits; what only
// leads to another object (a locator, the keyboard) is a step that the host takes with the next call.

const classes = new Map();
const handles = new Map();
const pending = new Map();
let lastCall = 0;

class Remote {}

// A class is described by the host when the first object of it comes.
function classOf(name) {
  if (!classes.has(name)) {
    const made = { [name]: class extends Remote {} }[name];
    for (const [member, [kind, target, className]] of Object.entries(ask({ op: "class", name })))
      defineMember(made.prototype, name, member, kind, target, className);
    if ("on" in made.prototype) made.prototype.removeAllListeners = removeAllListeners;
    classes.set(name, made);
  }
  return classes.get(name);
}

function defineMember(prototype, owner, member, kind, target, className) {
  const makers = {
    async: () => function (...args) {
      return call(this, `${label(owner)}.${member}`, target, args);
    },
    sync: () => function (...args) {
      return demand(this, `${label(owner)}.${member}`, target, args);
    },
    listen: () => function (...args) {
      demand(this, `${label(owner)}.${member}`, target, args);
      remember(this, target, args);
      return this;
    },
    step: () => function (...args) {
      return follow(this, target, className, args);
    },
  };
  if (kind === "part") {
    Object.defineProperty(prototype, member, {
      configurable: true,
      get() {
        const { parts } = remotes.get(this);
        if (!parts.has(member)) parts.set(member, follow(this, target, className, []));
        return parts.get(member);
      },
    });
    return;
  }
  const method = makers[kind]();
  Object.defineProperty(method, "name", { value: member });
  Object.defineProperty(prototype, member, { value: method, configurable: true, writable: true });
}

function label(className) {
  return className[0].toLowerCase() + className.slice(1);
}

function register(className, wire) {
  const object = new (classOf(className))();
  remotes.set(object, { wire, parts: new Map(), listeners: [] });
  return object;
}

function remoteObject(wire) {
  const { h, c } = wire;
  if (!handles.has(h)) handles.set(h, register(c, { h }));
  return handles.get(h);
}

function wireOf(object) {
  const remote = remotes.get(object);
  if (!remote) throw new TypeError("Illegal invocation: the method was called without its object");
  return remote.wire;
}

function follow(object, target, className, args) {
  const wire = wireOf(object);
  const { h, c = [] } = wire;
  return register(className, { h, c: [...c, [target, args.map((arg) => encode(arg))]] });
}

function remember(object, target, [event, listener]) {
  const remote = remotes.get(object);
  if (target === "remove_listener") {
    const at = remote.listeners.findIndex((entry) => entry[0] === event && entry[1] === listener);
    if (at >= 0) remote.listeners.splice(at, 1);
  } else remote.listeners.push([event, listener]);
}

function removeAllListeners(event) {
  for (const entry of [...remotes.get(this).listeners])
    if (event === undefined || entry[0] === event) this.removeListener(...entry);
  return this;
}

function call(object, title, target, args) {
  const frames = scriptFrames();
  return new Promise((resolve, reject) => {
    const id = ++lastCall;
    const message = { op: "call", id, on: wireOf(object), title, name: target, args: args.map((arg) => encode(arg)) };
    pending.set(id, { resolve, reject, frames });
    send(message);
  });
}

function demand(object, title, target, args) {
  return decode(ask({ op: "demand", on: wireOf(object), title, name: target, args: args.map((arg) => encode(arg)) }));
}

function settle({ id, value, error }) {
  const waiting = pending.get(id);
  if (!waiting) return;
  pending.delete(id);
  try {
    if (error) waiting.reject(toError(error, waiting.frames));
    else waiting.resolve(decode(value));
  } catch (failure) {
    waiting.reject(failure);
  }
}

// The host calls a function that a script gave to the browser library.
async function callBack({ id, fn, args }) {
  try {
    const value = await functions.get(fn)(...args.map((arg) => decode(arg)));
    send({ op: "reply", id, value: encode(value) });
  } catch (error) {
    send({ op: "reply", id, error: describeError(error) });
  }
}
