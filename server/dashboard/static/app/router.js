// Where the page is: the address's hash, so that everything has a link and a report from disk works as well.

import { batch as together, signal } from "../vendor/ui.js";

/** @typedef {{name: string, id: string, query: URLSearchParams}} Route */

/** The present place: `#/executions/ID?tab=log` is {name: "executions", id: "ID", query}. @type {{value: Route}} */
export const route = signal(parse(location.hash));

/** The address of a place: `href("batches", id, {q: "s:failed"})`. */
export function href(name = "", id = "", query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  const path = id ? `${name}/${id.split("/").map(encodeURIComponent).join("/")}` : name;
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** Go to a place, as a click on its link would. */
export function go(name, id = "", query = {}) {
  location.hash = href(name, id, query);
}

/** Change parts of the query; empty ones are left out. Typing replaces the entry in the history, choosing adds one. */
export function setQuery(changes, { replace = true } = {}) {
  const { name, id, query } = route.value;
  const next = href(name, id, { ...Object.fromEntries(query), ...changes });
  if (next === location.hash) return;
  if (!replace) {
    location.hash = next;
    return;
  }
  history.replaceState(null, "", next);
  together(() => { route.value = parse(next); });
}

window.addEventListener("hashchange", () => { route.value = parse(location.hash); });

function parse(hash) {
  const [path, text = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [name, ...rest] = path.split("/");
  return { name, id: rest.map(decoded).join("/"), query: new URLSearchParams(text) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
