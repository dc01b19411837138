// The workflow files below the server's roots: browsing, what is wrong with each, its graph, running a selection.

import { html, useEffect, useMemo, useState } from "../vendor/ui.js";
import { call, get } from "./api.js";
import { BreakOnBar, useBreakpoints } from "./breakpoints.js";
import { Graph } from "./graph.js";
import { modelOf } from "./graph_model.js";
import { Inspector } from "./node_list.js";
import { go, href, route, setQuery } from "./router.js";
import { RunDialog } from "./run_dialog.js";
import { Button, Command, Empty, Search, Skeleton } from "./parts/controls.js";
import { Icon } from "./parts/status.js";
import { useKeys } from "./parts/keys.js";
import { Table, sorted } from "./parts/table.js";
import { Time } from "./parts/time.js";

const PLACE = "/api/dashboard/workflows";
const isFile = (path) => path.toLowerCase().endsWith(".json");
const toId = (path) => path.replace(/^\//, "");
const fromId = (id) => (!id || /^[A-Za-z]:/.test(id) ? id : `/${id}`);
const linkTo = (path, query = {}) => href("workflows", toId(path), query);

/** The view. @param {{path: string}} given The folder or file below "workflows/" in the address. */
export function WorkflowsView({ path: id }) {
  const path = fromId(id);
  return isFile(path) ? html`<${FileView} key=${path} path=${path} />` : html`<${FolderView} key=${path} path=${path} />`;
}

function FolderView({ path }) {
  const { value: folder, fault, again } = useAnswer(`${PLACE}${path ? `?path=${encodeURIComponent(path)}` : ""}`);
  const [selection, setSelection] = useState(() => new Set());
  const [running, setRunning] = useState(null);
  const text = route.value.query.get("q") ?? "";
  const sort = route.value.query.get("sort") ?? "";
  const columns = useMemo(() => columnsOf(), []);
  const rows = useMemo(() => folder && sorted(rowsOf(folder, text), columns, sort), [folder, text, sort]);
  const files = rows?.filter((row) => !row.isFolder) ?? [];
  const ready = files.filter((row) => row.runs !== false);
  const chosen = rows?.filter((row) => selection.has(row.path)) ?? [];
  const runChosen = () => setRunning({ paths: chosen.map((row) => row.path), title: `Run ${many(chosen.length, "selected")}` });
  const runAll = () => setRunning(text
    ? { paths: ready.map((row) => row.path), title: `Run ${many(ready.length, "workflow")}` }
    : { paths: [folder.path], title: `Run all of ${nameOf(folder.path)}` });
  useKeys([{ keys: ["R"], text: "Run the selection, or all", when: () => Boolean(folder?.path) && rows.length > 0, run: () => (chosen.length > 0 ? runChosen() : runAll()) }]);
  if (fault) return html`<${Crumbs} path=${path} /><${Empty} icon="folder" title="This folder cannot be shown" text=${fault} command="batchwright serve --root FOLDER"><a class="button" href=${href("workflows")}>Go to the roots</a><//>`;
  return html`<div class="view-head"><div class="grow"><${Crumbs} path=${folder?.path ?? ""} root=${folder?.root ?? ""} /><h1>${folder?.path ? nameOf(folder.path) : "Workflows"}</h1>
      ${folder?.path && html`<p class="soft num">${summary(folder)}</p>`}</div>
    <div class="row wrap"><${Button} icon="rerun" label="Read the folder again" onClick=${again} />
      ${folder?.path && (chosen.length > 0
        ? html`<${Button} kind="primary" icon="play" onClick=${runChosen}>Run ${many(chosen.length, "selected")}<//>`
        : html`<${Button} kind="primary" icon="play" disabled=${rows.length === 0} onClick=${runAll}>Run all<//>`)}</div></div>
    ${rows === null || rows === undefined
      ? html`<${Skeleton} lines=${6} />`
      : folder.folders.length + folder.files.length === 0
        ? html`<div class="card"><${Empty} icon="workflows" title="No workflows here" text="Workflow files end in .json. The examples are a good start." command="batchwright demo" /></div>`
        : html`<div class="toolbar"><${Search} value=${text} label="Filter the workflows" placeholder="Name, tag or title" onInput=${(value) => setQuery({ q: value })} /></div>
          <${Table} label="Workflow files" columns=${columns} rows=${rows} keyOf=${(row) => row.path} sort=${sort} onSort=${(value) => setQuery({ sort: value })}
            selection=${selection} onSelect=${setSelection} onOpen=${(row) => go("workflows", toId(row.path))} rowStatus=${(row) => (row.isFolder ? undefined : statusOf(row).status)} />
          ${folder.truncated && html`<p class="soft small">There is more in this folder than is shown.</p>`}`}
    ${running && html`<${RunDialog} ...${running} onClose=${() => setRunning(null)} />`}`;
}

function columnsOf() {
  return [
    { id: "name", title: "Name", width: "minmax(160px, 2fr)", sort: (row) => `${row.isFolder ? 0 : 1}${row.name.toLowerCase()}`, render: (row) => html`<span class="row file-name"><${Icon} name=${row.isFolder ? "folder" : "file"} /><a class="row-link clip" href=${linkTo(row.path)} title=${row.path}>${row.name}</a></span>` },
    { id: "state", title: "State", width: "minmax(90px, 1fr)", sort: (row) => (row.isFolder ? null : statusOf(row).order), render: (row) => (row.isFolder ? "" : html`<${FileState} file=${row} />`) },
    { id: "title", title: "Title", width: "minmax(120px, 2fr)", wideOnly: true, sort: (row) => row.title ?? null, render: (row) => html`<span class="soft">${row.title ?? ""}</span>` },
    { id: "tags", title: "Tags", width: "minmax(80px, 1fr)", wideOnly: true, render: (row) => html`<span class="row">${(row.tags ?? []).map((tag) => html`<button key=${tag} type="button" class="tag" onClick=${() => setQuery({ q: tag })}>@${tag}</button>`)}</span>` },
    { id: "nodes", title: "Nodes", width: "60px", end: true, wideOnly: true, sort: (row) => row.nodes ?? null, render: (row) => row.nodes ?? "" },
    { id: "modified", title: "Changed", width: "110px", end: true, wideOnly: true, sort: (row) => row.modified ?? null, render: (row) => (row.modified ? html`<${Time} at=${row.modified} />` : "") },
  ];
}

function FileView({ path }) {
  const { value: file, fault, again } = useAnswer(`${PLACE}/file?path=${encodeURIComponent(path)}`);
  const [isRunning, setRunning] = useState(false);
  const points = useBreakpoints({
    key: file ? `${path}/${file.modified}` : path,
    load: async () => file?.breakpoints ?? {},
    save: (set) => call("PUT", `${PLACE}/breakpoints`, { ...set, path }),
  });
  const model = useMemo(() => file?.document && modelOf(file.document), [file]);
  const selectedId = route.value.query.get("node");
  const selected = model?.nodes.find((node) => node.id === selectedId);
  const select = (nodeId) => setQuery({ node: nodeId === selectedId ? "" : nodeId });
  const canRun = file && file.runs !== false;
  useKeys([{ keys: ["R"], text: "Run the workflow", when: () => Boolean(canRun), run: () => setRunning(true) }]);
  if (fault) return html`<${Crumbs} path=${path} /><${Empty} icon="file" title="This file cannot be shown" text=${fault}><a class="button" href=${href("workflows")}>Go to the roots</a><//>`;
  if (!file) return html`<${Crumbs} path=${path} /><${Skeleton} block lines=${4} />`;
  return html`<div class="view-head"><div class="grow"><${Crumbs} path=${file.path} root=${file.root} />
      <div class="row wrap"><h1 class="execution-title">${file.name}</h1><${FileState} file=${file} /></div>
      <p class="soft">${[file.title, file.nodes === undefined ? "" : many(file.nodes, "node")].filter(Boolean).join(" · ")}</p></div>
    <div class="row wrap"><a class="button" href=${href("history", "", { workflow: file.path })}><${Icon} name="history" />Past runs</a>
      <${Button} icon="rerun" label="Read the file again" onClick=${again} />
      <${Button} kind="primary" icon="play" disabled=${!canRun} onClick=${() => setRunning(true)}>Run<//></div></div>
    ${(file.problems.length > 0 || file.warnings.length > 0) && html`<${Problems} file=${file} />`}
    ${model && html`<div class=${`execution ${selected ? "" : "alone"}`}><div class="execution-main">
        <section class="card graph-card tall" aria-label="Workflow"><${Graph} document=${file.document} selected=${selectedId} onSelect=${select} breakpoints=${points.byNode} onBreakpoint=${points.toggle} label=${`Workflow ${file.name}`} />
          <${BreakOnBar} points=${points}><span class="faint small">Kept for the file; they count in runs that ask for them.</span><//></section>
        <${Command}>${`batchwright run ${quoted(file.path)}`}<//></div>
      ${selected && html`<aside class="execution-side" aria-label="Node"><${Inspector} node=${selected} points=${points} hasRun=${false} onClose=${() => setQuery({ node: "" })} /></aside>`}</div>`}
    ${isRunning && html`<${RunDialog} paths=${[path]} title=${`Run ${file.name}`} onClose=${() => setRunning(false)} />`}`;
}

function Problems({ file }) {
  const status = file.runs === false ? "failed" : "flaky";
  const title = file.runs === false ? "It cannot be run" : file.problems.length > 0 ? "It runs, but not to its end" : "It runs";
  return html`<section class="notice problems" data-status=${status} aria-label="Problems"><${Icon} name=${file.runs === false ? "failed" : "invalid"} size=${18} />
    <div><h2>${title}</h2><ul>${[...file.problems, ...file.warnings].map((text, index) => html`<li key=${index}>${text}</li>`)}</ul></div></section>`;
}

function Crumbs({ path, root = "" }) {
  if (!path) return html`<nav class="crumbs" aria-label="Where this is"><span>Roots</span></nav>`;
  const inner = root && path.startsWith(root) ? path.slice(root.length).split(/[/\\]/).filter(Boolean) : [];
  const steps = inner.slice(0, -1).map((name, index) => ({ name, path: [root, ...inner.slice(0, index + 1)].join("/") }));
  return html`<nav class="crumbs" aria-label="Where this is"><a href=${href("workflows")}>Workflows</a>
    ${root && inner.length > 0 && html`<span aria-hidden="true">/</span><a href=${linkTo(root)} title=${root}>${nameOf(root)}</a>`}
    ${steps.map((step) => html`<span key=${`${step.path}/`} aria-hidden="true">/</span><a key=${step.path} class="clip" href=${linkTo(step.path)}>${step.name}</a>`)}</nav>`;
}

function FileState({ file }) {
  const { status, words, icon } = statusOf(file);
  return html`<span class="badge" data-status=${status} title=${file.problems.join("\n") || undefined}><${Icon} name=${icon} size=${14} />${words}</span>`;
}

function statusOf(file) {
  const count = file.problems?.length ?? 0;
  if (file.runs === false) return { status: "failed", icon: "failed", words: "Invalid", order: 0 };
  if (count > 0) return { status: "flaky", icon: "invalid", words: many(count, "problem"), order: 1 };
  if (file.runs === undefined) return { status: "queued", icon: "pending", words: "Not checked", order: 2 };
  return { status: "completed", icon: "completed", words: "Valid", order: 3 };
}

function rowsOf(folder, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.every((word) => `${row.name} ${row.title ?? ""} ${(row.tags ?? []).map((tag) => `@${tag}`).join(" ")}`.toLowerCase().includes(word));
  return [...folder.folders.map((item) => ({ ...item, isFolder: true })), ...folder.files].filter(fits);
}

function summary(folder) {
  const broken = folder.files.filter((file) => file.runs === false).length;
  const shaky = folder.files.filter((file) => file.runs !== false && file.problems.length > 0).length;
  return [many(folder.files.length, "workflow"), folder.folders.length ? many(folder.folders.length, "folder") : "", broken ? `${broken} invalid` : "", shaky ? `${shaky} with problems` : ""].filter(Boolean).join(" · ");
}

function useAnswer(address) {
  const [seen, setSeen] = useState({ value: null, fault: "" });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isWanted = true;
    get(address).then((value) => isWanted && setSeen({ value, fault: "" }), (error) => isWanted && setSeen({ value: null, fault: error.message }));
    return () => { isWanted = false; };
  }, [address, turn]);
  return { ...seen, again: () => setTurn(turn + 1) };
}

const many = (count, word) => `${count.toLocaleString()} ${word}${count === 1 || word === "selected" ? "" : "s"}`;
const nameOf = (path) => path.split(/[/\\]/).filter(Boolean).at(-1) ?? path;
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
