"""The node ``subWorkflow``: another file inside a workflow, through the real runner."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from batches.errors import ControlError, ControlInvalidError
from batches.events import ErrorInfo, NodeEnded
from batches.request import BatchRequest, WorkItem
from batches.spec import ExecutionOptions
from batches.state import BatchState
from tests.batches.debugging import START, at, debug, debugging, looping, say, trail
from tests.batches.runs import MINUTE_MS, Stage, stage, words
from tests.conftest import RunWorkflow
from tests.running import Outcome, chain, node, workflow


def save(folder: Path, name: str, document: Mapping[str, Any]) -> Path:
    """Write a workflow file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(document))
    return path


def call(name: str = "inner.json", **values: Any) -> dict[str, Any]:
    return node("sub", "subWorkflow", file=name, **values)


def script(name: str, code: str) -> dict[str, Any]:
    return node(name, "javascriptCode", code=code)


async def run_inner(
    run_workflow: RunWorkflow, tmp_path: Path, inner: Mapping[str, Any], **values: Any
) -> Outcome:
    """Run a workflow that calls this one."""
    save(tmp_path, "inner.json", inner)
    return await run_workflow(chain(START, call(**values), say("after")))


def error(outcome: Outcome) -> ErrorInfo:
    assert outcome.error is not None
    return outcome.error


async def test_its_nodes_are_reported_with_their_path(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    save(tmp_path, "deep.json", trail("c"))
    inner = chain(START, say("a"), node("deep", "subWorkflow", file="deep.json"), say("b", bypass=True))
    outcome = await run_inner(run_workflow, tmp_path, inner)

    assert [(item.node_id, str(item.status)) for item in outcome.nodes] == [
        ("start", "completed"),
        ("sub/start", "completed"),
        ("sub/a", "completed"),
        ("sub/deep/start", "completed"),
        ("sub/deep/c", "completed"),
        ("sub/deep", "completed"),
        ("sub/b", "bypassed"),
        ("sub", "completed"),
        ("after", "completed"),
    ]


async def test_stores_are_its_own(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    code = "context.setData('seen', {data: Object.keys(context.data), variables: context.variables});"
    save(tmp_path, "inner.json", chain(START, script("look", code), say("mine")))
    given = node("given", "setConfig.setConfig", config={"secret": 1})
    outcome = await run_workflow(
        chain(START, given, say("outer"), call(output={"seen": "${data.seen}"}), say("after"))
    )

    assert outcome.error is None
    seen = outcome.data["seen"]
    assert seen["variables"] == {}
    assert {"executionId", "batchId", "outputDirectory"} <= set(seen["data"])
    assert "secret" not in seen["data"]
    assert "mine" not in outcome.variables


async def test_inputs_and_outputs_keep_their_types(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    code = """
        const {order, note, count} = context.variables;
        context.setVariable('count', count + 1);
        return {total: order.lines.reduce((sum, line) => sum + line.price, 0), note};"""
    save(tmp_path, "inner.json", chain(START, script("sum", code)))
    given = node("given", "setConfig.setConfig", config={"order": {"lines": [{"price": 2}, {"price": 3}]}})
    sub = call(
        input={
            "order": "${data.order}",
            "count": 1,
            "note": "for ${variables.who}, ${data.order.lines.length} lines",
        },
        output={
            "total": "${data.result.total}",
            "all": {"note": "<${data.result.note}>", "counts": ["${variables.count}", "x"]},
        },
    )
    outcome = await run_workflow(chain(START, given, sub, say("after")), variables={"who": "Ann"})

    assert outcome.error is None
    assert outcome.data["total"] == 5
    assert outcome.data["all"] == {"note": "<for Ann, 2 lines>", "counts": [2, "x"]}
    assert "result" not in outcome.data


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"input": {"a": "${data.nothing}"}},
            "Property 'input.a' refers to data.nothing, which is not set",
        ),
        (
            {"input": {"a": [{"b": "${variables.no.path}"}]}},
            "Property 'input.a.0.b' refers to variables.no.path, which is not set",
        ),
        (
            {"output": {"total": "${data.total}"}},
            "Property 'output.total' refers to data.total, which is not set",
        ),
        ({"file": "  "}, "Property 'file' is required for node type subWorkflow"),
    ],
)
async def test_what_is_missing_is_named(
    run_workflow: RunWorkflow, tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    save(tmp_path, "inner.json", trail("a"))
    outcome = await run_workflow(chain(START, node("sub", "subWorkflow", **{"file": "inner.json", **values})))

    found = error(outcome)
    assert (found.code, found.message, found.node_id) == ("NODE_PROPERTY_INVALID", message, "sub")


async def test_the_file_may_come_from_data(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    save(tmp_path, "parts/login.json", trail("a"))
    outcome = await run_workflow(
        chain(START, call("parts\\${variables.which}.json")), variables={"which": "login"}
    )

    assert outcome.ran() == ["start", "sub/start", "sub/a", "sub"]


async def test_a_missing_file(run_workflow: RunWorkflow) -> None:
    found = error(await run_workflow(chain(START, call("nowhere.json"))))

    assert found.code == "SUB_WORKFLOW_INVALID"
    assert found.message.startswith("The workflow file nowhere.json cannot be read")


@pytest.mark.parametrize("name", ["../other.json", "/etc/hostname", "a/../../other.json", "link.json"])
async def test_a_file_outside_of_the_root(
    run_workflow: RunWorkflow, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    elsewhere = save(tmp_path_factory.mktemp("elsewhere"), "other.json", trail("a"))
    (tmp_path / "link.json").symlink_to(elsewhere)
    found = error(await run_workflow(chain(START, call(name))))

    assert found.code == "SUB_WORKFLOW_OUTSIDE"
    assert found.message == f"The workflow file {name} lies outside of {tmp_path}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "The workflow file inner.json is not valid JSON"),
        ("[]", "inner.json: Workflow validation failed: "),
        ('{"nodes": [], "edges": []}', "inner.json: Workflow validation failed: "),
    ],
)
async def test_a_file_that_is_no_workflow(
    run_workflow: RunWorkflow, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "inner.json").write_text(text, "utf-8")
    found = error(await run_workflow(chain(START, call())))

    assert found.code == "SUB_WORKFLOW_INVALID"
    assert found.message.startswith(message)


async def test_all_faults_of_the_file_are_named(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    inner = chain(START, node("a", "wait", timeout="x"), node("b", "loop", maxIterations="y"))
    found = error(await run_inner(run_workflow, tmp_path, inner))

    assert "Node a: property 'timeout'" in found.message
    assert "Node b: property 'maxIterations'" in found.message


async def test_a_file_that_calls_itself_ends(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    outcome = await run_inner(run_workflow, tmp_path, chain(START, call()))
    found = error(outcome)

    assert found.code == "SUB_WORKFLOW_DEPTH"
    assert found.message == "Workflow files call one another more than 10 deep: " + " -> ".join(
        ["inner.json"] * 11
    )
    assert found.node_id == "/".join(["sub"] * 11)
    failed = [item.node_id for item in outcome.nodes if item.status == "failed"]
    assert failed == ["/".join(["sub"] * depth) for depth in range(11, 0, -1)]


async def test_ten_deep_is_allowed(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    for number in range(1, 10):
        save(tmp_path, f"{number}.json", chain(START, call(f"{number + 1}.json")))
    save(tmp_path, "10.json", trail("end"))
    outcome = await run_workflow(chain(START, call("1.json")))

    assert "/".join([*["sub"] * 10, "end"]) in outcome.ran()


async def test_recursion_may_end_by_itself(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    case = {
        "id": "again",
        "label": "again",
        "condition": {
            "type": "variable",
            "variableName": "left",
            "comparisonOperator": "greaterThan",
            "comparisonValue": "0",
        },
    }
    inner = workflow(
        [
            START,
            script("count", "context.setVariable('next', context.variables.left - 1);"),
            node("which", "switch.switch", cases=[case], defaultCase={"label": "no"}),
            call(input={"left": "${variables.next}"}),
        ],
        [("start", "count"), ("count", "which"), ("which", "sub", "again")],
    )
    save(tmp_path, "inner.json", inner)
    outcome = await run_workflow(chain(START, call(input={"left": 3})))

    assert outcome.error is None
    depth = [item.node_id.count("/") for item in outcome.nodes if item.node_id.endswith("count")]
    assert depth == [1, 2, 3, 4]


async def test_a_failure_inside_is_that_of_the_node(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    inner = chain(START, node("bad", "loadConfigFile", label="Bad"), say("never"))
    outcome = await run_inner(run_workflow, tmp_path, inner)

    assert outcome.status == "failed"
    assert (error(outcome).node_id, error(outcome).node_label) == ("sub/bad", "Bad")
    assert outcome.ran() == ["start", "sub/start", "sub/bad", "sub"]
    assert outcome.node("sub").error == outcome.node("sub/bad").error


async def test_a_silent_failure_leaves_the_outputs_alone(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    inner = chain(START, node("bad", "loadConfigFile"))
    outcome = await run_inner(run_workflow, tmp_path, inner, failSilently=True, output={"x": "1"})

    assert outcome.status == "completed"
    assert outcome.ran()[-2:] == ["sub", "after"]
    assert "x" not in outcome.data


async def test_in_a_loop_every_round_has_its_number(run_workflow: RunWorkflow, tmp_path: Path) -> None:
    code = "context.setVariable('index', 7); return 'item ' + context.variables.name;"
    inner = looping([5, 6], "in")
    save(tmp_path, "inner.json", chain(START, script("name", code)))
    save(tmp_path, "looping.json", inner)
    given = node("given", "setConfig.setConfig", config={"items": ["a", "b"]})
    sub = call(input={"name": "${variables.item}"}, output={"last": "${data.result}"})
    deep = node("deep", "subWorkflow", file="looping.json")
    outcome = await run_workflow(
        workflow(
            [START, given, node("loop", "loop", mode="forEach", arrayVariable="items"), sub, deep],
            [("start", "given"), ("given", "loop"), ("loop", "sub", "output"), ("sub", "deep")],
        )
    )

    assert outcome.error is None
    places = [(item.node_id, item.iteration, item.parent_loop_node_id) for item in outcome.nodes]
    assert [item for item in places if item[0] == "sub/name"] == [
        ("sub/name", 0, "loop"),
        ("sub/name", 1, "loop"),
    ]
    assert [item for item in places if item[0] == "deep/in"] == [
        ("deep/in", 0, "deep/loop"),
        ("deep/in", 1, "deep/loop"),
    ] * 2
    assert outcome.data["last"] == "item b"
    assert outcome.variables["index"] == 1


@pytest.mark.browser
async def test_it_works_in_the_callers_browser(
    run_workflow: RunWorkflow, tmp_path: Path, site_url: str
) -> None:
    """Whoever opens the browser first owns it; it stays open for the caller."""
    go = node("go", "navigation", action="navigate", url=f"{site_url}/action-form.html", waitUntil="load")
    save(tmp_path, "inner.json", chain(START, node("open", "openBrowser"), go))
    read = node("read", "elementQuery", action="getCount", selector="#name")
    opened = await run_workflow(chain(START, node("browser", "openBrowser"), call(), read))
    fresh = await run_workflow(chain(START, call(), read))

    assert (opened.data["count"], fresh.data["count"]) == (1, 1)
    assert str(opened.node("sub/open").status) == "bypassed"
    assert str(fresh.node("sub/open").status) == "completed"


@pytest.mark.browser
async def test_pictures_and_dialogs_inside(run_workflow: RunWorkflow, tmp_path: Path, site_url: str) -> None:
    page = node("go", "navigation", action="navigate", url=f"{site_url}/browser-dialogs.html")
    ask = node("ask", "javascriptCode", code="context.page.evaluate(() => setTimeout(() => alert('Hi'), 20))")
    answer = node("answer", "dialog", action="accept", message="Hi")
    save(tmp_path, "inner.json", chain(START, page, ask, answer))
    start = node("start", "start", screenshotAllNodes=True)
    outcome = await run_workflow(chain(start, node("browser", "openBrowser"), call()))

    assert outcome.error is None
    shot = outcome.node("sub/go").screenshots["post"]
    assert "sub/go" not in Path(shot).name
    assert (outcome.output / "screenshots" / Path(shot).name).is_file()


async def submit_files(run: Stage, *paths: Path, **options: Any) -> BatchState:
    """Run workflow files as a scan gives them."""
    items = [WorkItem(path.name, path.name, orjson.loads(path.read_bytes()), str(path)) for path in paths]
    return await run.runner.submit(BatchRequest(tuple(items), **{"workers": 4, **options}))


async def test_files_are_found_next_to_the_caller_first(tmp_path: Path) -> None:
    outer = save(tmp_path, "flows/outer.json", chain(START, call("parts/inner.json")))
    middle = chain(START, call("other.json"))
    save(tmp_path, "flows/parts/inner.json", middle)
    save(tmp_path, "flows/parts/other.json", trail("near"))
    save(tmp_path, "other.json", trail("far"))
    async with stage(tmp_path) as run:
        state = await submit_files(run, outer)
        assert words(await run.over(state.batch_id)) == ["completed"]
        ran = [item.node_id for item in run.events if isinstance(item, NodeEnded)]
    assert "sub/sub/near" in ran
    assert "sub/sub/far" not in ran


async def test_a_file_that_calls_its_caller_is_named_once(tmp_path: Path) -> None:
    first = save(tmp_path, "first.json", chain(START, call("second.json")))
    save(tmp_path, "second.json", chain(START, call("first.json")))
    async with stage(tmp_path) as run:
        state = await submit_files(run, first)
        (execution,) = (await run.over(state.batch_id)).executions.values()
    assert execution.error is not None
    names = execution.error.message.partition(": ")[2].split(" -> ")
    assert names == list(itertools.islice(itertools.cycle(["first.json", "second.json"]), 11))


async def test_stop_in_the_middle(tmp_path: Path) -> None:
    inner = chain(START, node("long", "wait", waitType="timeout", value=MINUTE_MS), say("never"))
    save(tmp_path, "inner.json", inner)
    async with debugging(tmp_path, chain(START, call(), say("after"))) as run:
        await run.run.at_node("sub/long")
        assert run.only.current_node_id == "sub/long"
        await run.run.runner.stop_batch(run.state.batch_id)
        assert words(await run.over()) == ["stopped"]
        assert run.ran() == ["start", "sub/start"]


async def test_a_time_limit_ends_it(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", chain(START, node("long", "wait", waitType="timeout", value=MINUTE_MS)))
    options = ExecutionOptions(timeout_s=0.2)
    async with debugging(tmp_path, chain(START, call()), options=options) as run:
        state = await run.over()
        (execution,) = state.executions.values()
    assert execution.error is not None
    assert (execution.error.code, execution.error.node_id) == ("EXECUTION_TIMEOUT", "sub/long")


async def test_a_breakpoint_inside(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", trail("a", "b"))
    async with debugging(tmp_path, chain(START, call(), say("after")), debug=at("sub/b")) as run:
        event = await run.paused(1)
        assert (event.node_id, event.at) == ("sub/b", "pre")
        await run.send("continue")
        assert words(await run.over()) == ["completed"]


async def test_marked_nodes_inside(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", chain(START, say("a", breakpoint=True)))
    config = {"enabled": True, "breakpointAt": "pre", "breakpointFor": "marked"}
    async with debugging(tmp_path, chain(START, call()), debug=debug(breakpointConfig=config)) as run:
        assert (await run.paused(1)).node_id == "sub/a"
        await run.send("skip")
        await run.over()
        assert "sub/a" not in run.begun()


async def test_conditions_see_the_stores_inside(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", trail("a", "b", "c"))
    point = {"nodeId": "sub/c", "condition": "variables.b == 'b' and variables.given == 5"}
    outer = chain(START, call(input={"given": 5}))
    async with debugging(tmp_path, outer, debug=debug(breakpoints=[point])) as run:
        await run.paused(1)
        answer = (await run.send("inspect")).answer
        assert answer["variables"] == {"given": 5, "a": "a", "b": "b"}
        await run.send("setValues", variables={"c": 1}, remove_variables=["a"])
        answer = (await run.send("inspect")).answer
        assert answer["variables"] == {"given": 5, "b": "b", "c": 1}
        await run.send("continue")
        await run.over()


async def test_step_walks_in_and_step_over_does_not(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", trail("a"))
    outer = chain(START, call(), say("after"))
    async with debugging(tmp_path, outer, debug=at("sub")) as run:
        await run.paused(1)
        for number, name in enumerate(["sub/start", "sub/a", "after"], 2):
            await run.send("step")
            assert (await run.paused(number)).node_id == name
        await run.send("continue")
        await run.over()
    save(tmp_path / "over", "inner.json", trail("a"))
    async with debugging(tmp_path / "over", outer, debug=at("sub")) as run:
        await run.paused(1)
        await run.send("stepOver")
        assert (await run.paused(2)).node_id == "after"
        await run.send("continue")
        await run.over()


async def test_run_to_and_back(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", trail("a", "b"))
    outer = chain(START, say("first"), call(), say("after"))
    async with debugging(tmp_path, outer, debug=at("first")) as run:
        await run.paused(1)
        with pytest.raises(ControlInvalidError, match="no node 'first/b'"):
            await run.send("runTo", nodeId="first/b")
        await run.send("runTo", nodeId="sub/b")
        assert (await run.paused(2)).node_id == "sub/b"
        with pytest.raises(ControlInvalidError, match="no node 'sub/z'"):
            await run.send("runTo", nodeId="sub/z")
        await run.send("repeatFrom", nodeId="sub/a")
        await run.over()
        assert run.begun() == ["start", "first", "sub", "sub/start", "sub/a", "sub/a", "sub/b", "after"]


async def test_going_back_out_of_it(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", trail("a"))
    outer = chain(START, say("first"), call(), say("after"))
    async with debugging(tmp_path, outer, debug=at("sub/a")) as run:
        await run.paused(1)
        await run.send("repeatFrom", nodeId="first")
        await run.paused(2)
        await run.send("continueWithoutBreakpoint")
        assert words(await run.over()) == ["completed"]
        assert run.begun() == [
            "start",
            "first",
            "sub",
            "sub/start",
            "first",
            "sub",
            "sub/start",
            "sub/a",
            "after",
        ]


async def test_the_workflow_cannot_be_replaced_meanwhile(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", trail("a"))
    async with debugging(tmp_path, chain(START, call()), debug=at("sub/a")) as run:
        await run.paused(1)
        with pytest.raises(ControlError, match="cannot be replaced while a sub-workflow runs"):
            await run.send("updateWorkflow", workflow=trail("a"))
        await run.send("continue")
        assert words(await run.over()) == ["completed"]


async def test_break_on_error_inside(tmp_path: Path) -> None:
    save(tmp_path, "inner.json", chain(START, node("bad", "loadConfigFile"), say("more")))
    options = debug(breakOn=["error"])
    async with debugging(tmp_path, chain(START, call(), say("after")), debug=options) as run:
        event = await run.paused(1)
        assert (event.node_id, event.at) == ("sub/bad", "error")
        await run.send("skip")
        assert words(await run.over()) == ["completed"]
        assert run.ran() == ["start", "sub/start", "sub/more", "sub", "after"]
