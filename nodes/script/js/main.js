// Running a script: the host sends lists of messages, one list for each turn.

const AsyncFunction = (async () => {}).constructor;
const stores = [];
let background = false;

function makeContext({ page, data, variables, members }) {
  const dataStore = makeStore("data", data);
  const variableStore = makeStore("variables", variables);
  stores.push(dataStore, variableStore);
  const all = {
    data: dataStore.snapshot,
    variables: variableStore.snapshot,
    getData: (key) => dataStore.read(String(key)),
    setData: (key, value) => dataStore.write(String(key), value),
    getVariable: (key) => variableStore.read(String(key)),
    setVariable: (key, value) => variableStore.write(String(key), value),
  };
  const context = members.includes("page") ? { page: page ? decode(page) : undefined } : {};
  for (const name of members) if (name in all) context[name] = all[name];
  return context;
}

function compile(code, names, isExpression) {
  const tail = "\n//# sourceURL=workflow-script";
  if (!isExpression) return new AsyncFunction(...names, code + tail);
  try {
    return new AsyncFunction(...names, `return (${code.replace(/[;\s]+$/, "")}\n)${tail}`);
  } catch (error) {
    // Some write the condition with its `return`.
    if (!/\breturn\b/.test(code)) throw error;
    return new AsyncFunction(...names, code + tail);
  }
}

async function start(message) {
  let outcome;
  try {
    const given = Object.entries(message.given).map(([name, value]) => [name, decode(value)]);
    const names = ["context", ...given.map(([name]) => name)];
    const script = compile(message.code, names, message.condition);
    const value = await script(makeContext(message), ...given.map(([, item]) => item));
    flushStores();
    outcome = { value: encode(message.condition ? Boolean(value) : value) };
  } catch (error) {
    flushStores();
    outcome = { error: describeError(error) };
  }
  background = true;
  control[3] = 1;
  send({ op: "done", ...outcome });
}

function flushStores() {
  for (const store of stores) store.flush();
}

const receivers = { start, settle, timer: fire, callback: callBack };

// An empty list comes after each turn once the script itself is over.
function turn() {
  const messages = parse(pull());
  if (!messages.length) flushStores();
  for (const message of messages) receivers[message.op](message);
}

installGlobals();
return [shared, turn];
