"use strict";
// Shows the server's OpenAPI document and sends its requests. Everything is built with DOM calls: no text of the
// document or of an answer is ever taken for markup.

const byId = (id) => document.getElementById(id);

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

const named = (ref) => ref.split("/").pop();

function resolve(doc, schema) {
  return schema && schema.$ref ? doc.components.schemas[named(schema.$ref)] : schema || {};
}

function typeName(schema) {
  if (!schema) return "any";
  if (schema.$ref) return named(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeName(schema.items)}`;
  return schema.type || "any";
}

function models(schema, found = []) {
  if (!schema) return found;
  if (schema.$ref && !found.includes(named(schema.$ref))) found.push(named(schema.$ref));
  for (const option of schema.anyOf || []) models(option, found);
  if (schema.items) models(schema.items, found);
  return found;
}

function members(doc, schema) {
  const whole = resolve(doc, schema);
  const rows = Object.entries(whole.properties || {}).map(([name, member]) => {
    const needed = (whole.required || []).includes(name) ? " (always)" : "";
    const standard = member.default === undefined || member.default === null ? "" :
      ` Default ${JSON.stringify(member.default)}.`;
    const nested = models(member).filter((model) => (doc.components.schemas[model] || {}).properties);
    return el("tr", {},
      el("td", {}, el("code", {}, name), el("span", { class: "quiet" }, needed)),
      el("td", {}, typeName(member)),
      el("td", {}, (member.description || "") + standard,
        ...nested.map((model) => lazily(model, () => members(doc, { $ref: `/${model}` })))));
  });
  return rows.length ? el("table", {}, el("tbody", {}, ...rows)) : el("p", { class: "quiet" }, typeName(schema));
}

function lazily(title, make) {
  const details = el("details", {}, el("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(el("div", {}, make()));
  });
  return details;
}

function shapes(doc, schema) {
  const options = schema.anyOf || [schema];
  return options.flatMap((option) => {
    const inner = option.type === "array" ? option.items : option;
    return [el("p", {}, typeName(option)), members(doc, inner)];
  });
}

function form(path, method, operation) {
  const inputs = (operation.parameters || []).map((parameter) => ({
    parameter,
    input: el("input", { "aria-label": parameter.name, placeholder: parameter.schema.default ?? "" }),
  }));
  const json = operation.requestBody && operation.requestBody.content["application/json"];
  const examples = Object.entries((json && json.examples) || {});
  const body = json && el("textarea", { "aria-label": "Body", spellcheck: "false" });
  const show = (value) => { body.value = JSON.stringify(value, null, 2); };
  if (body) show(examples.length ? examples[0][1].value : {});
  const answer = el("pre", { hidden: true });
  const choose = el("select", {
    "aria-label": "Example", onchange: (event) => show(examples[event.target.selectedIndex][1].value),
  }, ...examples.map(([name]) => el("option", {}, name)));
  return el("div", {},
    inputs.length ? el("table", {}, el("tbody", {}, ...inputs.map(({ parameter, input }) => el("tr", {},
      el("td", {}, el("code", {}, parameter.name), parameter.required ? " (needed)" : ""),
      el("td", {}, input), el("td", {}, `${typeName(parameter.schema)}. ${parameter.description || ""}`))))) : undefined,
    examples.length > 1 ? choose : undefined,
    body || undefined,
    el("button", { onclick: () => send(path, method, inputs, body, answer) }, "Send"),
    answer);
}

async function send(path, method, inputs, body, answer) {
  const query = new URLSearchParams();
  const headers = {};
  let target = path;
  for (const { parameter, input } of inputs) {
    if (!input.value) continue;
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "header") headers[parameter.name] = input.value;
    else query.set(parameter.name, input.value);
  }
  if (byId("token").value) headers.Authorization = `Bearer ${byId("token").value}`;
  if (body) headers["Content-Type"] = "application/json";
  answer.hidden = false;
  answer.textContent = "…";
  try {
    const response = await fetch(query.size ? `${target}?${query}` : target,
      { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
    const text = await response.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    answer.textContent = `${response.status} ${response.statusText}\n\n${shown.slice(0, 100000)}`;
  } catch (error) {
    answer.textContent = String(error);
  }
}

function operationView(doc, path, method, operation) {
  const title = [el("span", { class: "method" }, method.toUpperCase()), el("code", {}, path), ` ${operation.summary || ""}`];
  const details = el("details", { "data-words": `${method} ${path} ${operation.summary} ${operation.description}`.toLowerCase() },
    el("summary", {}, ...title));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const json = operation.requestBody && operation.requestBody.content["application/json"];
    details.append(el("div", {},
      operation.description ? el("p", {}, operation.description) : undefined,
      form(path, method, operation),
      ...(json ? [el("h3", {}, "Body"), ...shapes(doc, json.schema)] : []),
      el("h3", {}, "Answers"),
      ...Object.entries(operation.responses).map(([status, response]) => {
        const content = Object.entries(response.content || {})[0];
        return lazily(`${status} ${response.description}`, () =>
          content && content[0] === "application/json" ? el("div", {}, ...shapes(doc, content[1].schema)) : el("p", {}, (content || ["nothing"])[0]));
      })));
  });
  return details;
}

function find() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of document.querySelectorAll("section")) {
    let any = false;
    for (const details of section.querySelectorAll("details[data-words]")) {
      details.hidden = !words.every((word) => details.dataset.words.includes(word));
      any = any || !details.hidden;
    }
    section.hidden = !any;
  }
}

async function load() {
  const headers = byId("token").value ? { Authorization: `Bearer ${byId("token").value}` } : {};
  const response = await fetch("/api-docs.json", { headers });
  if (!response.ok) {
    byId("about").textContent = (await response.json()).message;
    return;
  }
  const doc = await response.json();
  byId("about").textContent = `${doc.info.version}. ${doc.info.description}`;
  byId("operations").replaceChildren(...doc.tags.map((tag) => el("section", {},
    el("h2", {}, tag.name), el("p", { class: "quiet" }, tag.description),
    ...Object.entries(doc.paths).flatMap(([path, item]) => Object.entries(item)
      .filter(([, operation]) => operation.tags.includes(tag.name))
      .map(([method, operation]) => operationView(doc, path, method, operation))))));
}

byId("find").addEventListener("input", find);
byId("token").addEventListener("change", load);
load();
