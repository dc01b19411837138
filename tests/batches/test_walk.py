"""Walking a workflow without a browser: branches, loops, flows, failures (workflow-format.md, 7 and 11 to 13)."""

from __future__ import annotations

import itertools
from typing import Any

from tests.conftest import RunWorkflow
from tests.running import Outcome, chain, node, workflow

START = node("start", "start")


def say(node_id: str, **data: Any) -> dict[str, Any]:
    """A node that runs without a page and leaves its id in the variables."""
    return node(node_id, "stringValue", **{"value": node_id, **data})


def fail(node_id: str, **data: Any) -> dict[str, Any]:
    return node(node_id, "loadConfigFile", **data)


def variable_is(name: str, value: str) -> dict[str, Any]:
    return {"type": "variable", "variableName": name, "comparisonValue": value}


def switch(node_id: str, **cases: dict[str, Any]) -> dict[str, Any]:
    listed = [
        {"id": name, "label": name.upper(), "condition": condition} for name, condition in cases.items()
    ]
    return node(node_id, "switch.switch", cases=listed, defaultCase={"label": "Otherwise"})


def statuses(outcome: Outcome) -> dict[str, str]:
    return {item.node_id: item.status.value for item in outcome.nodes}


async def test_runs_in_order_and_completes(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, say("a"), say("b")))
    assert outcome.status == "completed"
    assert outcome.ran() == ["start", "a", "b"]
    assert outcome.variables["b"] == "b"


async def test_bypassed_node_is_reported_and_passed_by(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, say("a", bypass=True), say("b")))
    assert statuses(outcome) == {"start": "completed", "a": "bypassed", "b": "completed"}
    assert outcome.node("a").message == "Node bypassed"


async def test_failure_ends_the_execution_and_names_the_node(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, fail("bad", label="Broken file"), say("b")))
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.node_id, outcome.error.node_label, outcome.error.node_type) == (
        "bad",
        "Broken file",
        "loadConfigFile",
    )
    assert outcome.ran() == ["start", "bad"]


async def test_fail_silently_reports_the_failure_and_goes_on(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, fail("bad", failSilently=True), say("b")))
    assert outcome.status == "completed"
    assert statuses(outcome) == {"start": "completed", "bad": "failed", "b": "completed"}
    assert outcome.node("bad").fail_silently
    assert outcome.node("bad").message == outcome.node("bad").error.message  # type: ignore[union-attr]


async def test_only_exactly_true_bypasses(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, say("a", bypass="true"), say("b", bypass=1)))
    assert outcome.ran() == ["start", "a", "b"]


async def test_unknown_type_fails_when_reached(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, node("x", "acme.rocket")))
    assert outcome.error is not None
    assert outcome.error.message == "No handler found for node type: acme.rocket"


async def test_graph_error_aborts_before_the_first_node(run_workflow: RunWorkflow) -> None:
    cyclic = workflow(
        [START, say("a"), say("b")], [("start", "a"), ("a", "b"), ("b", "a", "output", "input")]
    )
    outcome = await run_workflow(cyclic)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.message.startswith("Workflow validation failed")
    assert [event.type for event in outcome.events] == ["execution-ended"]


async def test_wrong_types_are_all_named_before_the_first_node(run_workflow: RunWorkflow) -> None:
    document = chain(
        START,
        node("w", "wait", waitType="timeout", timeout="soon"),
        node("c", "setConfig.setConfig", config=[1]),
    )
    outcome = await run_workflow(document)
    assert outcome.error is not None
    assert outcome.error.code == "WORKFLOW_INVALID"
    assert "property 'timeout'" in outcome.error.message
    assert "property 'config'" in outcome.error.message


async def test_switch_runs_the_selected_branch_and_the_join(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            START,
            say("v", value="2"),
            switch("sw", one=variable_is("v", "1"), two=variable_is("v", "2")),
            say("a"),
            say("b"),
            say("join"),
        ],
        [
            ("start", "v"),
            ("v", "sw"),
            ("sw", "a", "one"),
            ("sw", "b", "two"),
            ("a", "join"),
            ("b", "join", "output", "input"),
        ],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert statuses(outcome)["a"] == "skipped"
    assert outcome.node("a").message == "Node skipped (unreachable branch)"
    assert outcome.ran() == ["start", "v", "sw", "b", "join"]
    assert (outcome.data["switchOutput"], outcome.data["switchOutputLabel"]) == ("two", "TWO")


async def test_bypassed_and_silently_failed_switches_take_the_default(run_workflow: RunWorkflow) -> None:
    for extra in ({"bypass": True}, {"failSilently": True, "cases": 5}):
        sw = switch("sw", one=variable_is("v", "1"))
        sw["data"].update(extra)
        document = workflow(
            [START, sw, say("a"), say("b")], [("start", "sw"), ("sw", "a", "one"), ("sw", "b", "default")]
        )
        if "cases" in extra:
            sw["data"].update(cases=[{"id": "one"}], defaultCase={"label": ""})
        outcome = await run_workflow(document)
        assert outcome.status == "completed", outcome.error
        assert [name for name in outcome.ran() if name in "ab"] == ["b"]


def for_each(node_id: str, array: str, **data: Any) -> dict[str, Any]:
    return node(node_id, "loop", mode="forEach", arrayVariable=array, **data)


def config(**values: Any) -> dict[str, Any]:
    return node("config", "setConfig.setConfig", config=values)


async def test_for_each_runs_the_body_per_element(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            START,
            config(list=["x", "y"]),
            for_each("loop", "list"),
            say("c", value="${variables.index}${variables.item}", variableName="last"),
            say("after"),
        ],
        [("start", "config"), ("config", "loop"), ("loop", "c"), ("loop", "after", "loopComplete")],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert outcome.ran() == ["start", "config", "c", "c", "loop", "after"]
    children = [item for item in outcome.nodes if item.node_id == "c"]
    assert [(item.iteration, item.parent_loop_node_id) for item in children] == [(0, "loop"), (1, "loop")]
    assert outcome.variables["last"] == "1y"
    assert (outcome.variables["index"], outcome.variables["item"]) == (1, "y")


async def test_empty_array_runs_no_body(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=[]), for_each("loop", "list"), say("c"), say("after")],
        [("start", "config"), ("config", "loop"), ("loop", "c"), ("loop", "after", "loopComplete")],
    )
    outcome = await run_workflow(document)
    assert outcome.ran() == ["start", "config", "loop", "after"]


async def test_loop_over_a_non_array_fails_clearly(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list="abc"), for_each("loop", "list"), say("c")],
        [("start", "config"), ("config", "loop"), ("loop", "c")],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "list" in outcome.error.message
    assert "array" in outcome.error.message


async def test_a_loop_without_a_body_still_sets_the_first_element(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=["x", "y"]), for_each("loop", "list"), say("after", value="${variables.item}")],
        [("start", "config"), ("config", "loop"), ("loop", "after")],
    )
    del document["edges"][-1]["sourceHandle"]
    outcome = await run_workflow(document)
    assert outcome.ran() == ["start", "config", "loop", "after"]
    assert (outcome.variables["index"], outcome.variables["after"]) == (0, "x")


async def test_a_loop_child_of_unknown_type_is_left_out_with_a_warning(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=[1, 2]), for_each("loop", "list"), node("odd", "acme.rocket"), say("c")],
        [("start", "config"), ("config", "loop"), ("loop", "odd"), ("odd", "c")],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert outcome.ran() == ["start", "config", "c", "c", "loop"]
    assert [item.status.value for item in outcome.nodes if item.node_id == "odd"] == ["skipped", "skipped"]
    assert [line for line in outcome.log if "acme.rocket" in line] == [
        "Node odd in a loop is ignored: unknown type 'acme.rocket'"
    ]


async def test_nested_loops_iterate_both(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            START,
            config(rows=[1, 2], cols=["a", "b", "c"]),
            for_each("outer", "rows"),
            for_each("inner", "cols"),
            say("cell"),
            say("row-end"),
        ],
        [
            ("start", "config"),
            ("config", "outer"),
            ("outer", "inner"),
            ("inner", "cell"),
            ("inner", "row-end", "loopComplete"),
        ],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert outcome.ran().count("cell") == 6
    assert outcome.ran().count("row-end") == 2
    assert outcome.ran().count("inner") == 2


async def test_switch_inside_a_loop_branches_per_iteration(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            START,
            config(list=["x", "y", "x"]),
            for_each("loop", "list"),
            switch("sw", x=variable_is("item", "x")),
            say("a"),
            say("b"),
            say("join"),
        ],
        [
            ("start", "config"),
            ("config", "loop"),
            ("loop", "sw"),
            ("sw", "a", "x"),
            ("sw", "b", "default"),
            ("a", "join"),
            ("b", "join", "output", "input"),
        ],
    )
    outcome = await run_workflow(document)
    order = [name for name in outcome.ran() if name in ("a", "b", "join")]
    assert order == ["a", "join", "b", "join", "a", "join"]


async def test_bypass_inside_a_loop_counts(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=[1, 2]), for_each("loop", "list"), say("c", bypass=True), say("d")],
        [("start", "config"), ("config", "loop"), ("loop", "c"), ("c", "d")],
    )
    outcome = await run_workflow(document)
    assert outcome.ran().count("d") == 2
    assert [item.status.value for item in outcome.nodes if item.node_id == "c"] == ["bypassed", "bypassed"]


async def test_bypassed_loop_leaves_its_body_out(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=[1]), for_each("loop", "list", bypass=True), say("c"), say("after")],
        [("start", "config"), ("config", "loop"), ("loop", "c"), ("loop", "after", "loopComplete")],
    )
    outcome = await run_workflow(document)
    assert outcome.ran() == ["start", "config", "after"]
    assert statuses(outcome)["c"] == "skipped"


async def test_failing_child_fails_the_loop_with_the_same_message(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=[1, 2]), for_each("loop", "list"), fail("bad"), say("after")],
        [("start", "config"), ("config", "loop"), ("loop", "bad"), ("loop", "after", "loopComplete")],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.node_id == "bad"
    assert outcome.node("loop").message == outcome.node("bad").message
    assert "after" not in outcome.ran()


async def test_silently_failing_loop_does_not_run_its_body_again(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            START,
            config(list=[1, 2]),
            for_each("loop", "list", failSilently=True),
            say("ok"),
            fail("bad"),
            say("after"),
        ],
        [
            ("start", "config"),
            ("config", "loop"),
            ("loop", "ok"),
            ("ok", "bad"),
            ("loop", "after", "loopComplete"),
        ],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert outcome.ran() == ["start", "config", "ok", "bad", "loop", "after"]


async def test_silently_failing_child_continues_with_the_next_child(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [START, config(list=[1, 2]), for_each("loop", "list"), fail("bad", failSilently=True), say("next")],
        [("start", "config"), ("config", "loop"), ("loop", "bad"), ("bad", "next")],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert outcome.ran().count("next") == 2


async def test_do_while_tests_first_and_has_a_limit(run_workflow: RunWorkflow) -> None:
    never = node("loop", "loop", mode="doWhile", condition=variable_is("missing", "1"))
    outcome = await run_workflow(workflow([START, never, say("c")], [("start", "loop"), ("loop", "c")]))
    assert outcome.ran() == ["start", "loop"]

    always = node("loop", "loop", mode="doWhile", condition=variable_is("on", "1"), maxIterations=3)
    outcome = await run_workflow(
        workflow([START, always, say("c")], [("start", "loop"), ("loop", "c")]), variables={"on": "1"}
    )
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.message == "Loop exceeded maximum iterations limit of 3"
    assert outcome.ran().count("c") == 3


async def test_a_walk_whose_nodes_wait_for_nothing_lets_others_have_their_turn(
    run_workflow: RunWorkflow,
) -> None:
    always = node("loop", "loop", mode="doWhile", condition=variable_is("on", "1"), maxIterations=10**9)
    endless = workflow([START, always, say("c")], [("start", "loop"), ("loop", "c")])
    outcome = await run_workflow(endless, variables={"on": "1"}, timeout_s=0.2)
    assert outcome.error is not None
    assert outcome.error.code == "EXECUTION_TIMEOUT"


async def test_value_inputs_reach_loop_children_and_flows(run_workflow: RunWorkflow) -> None:
    fed = {"_inputConnections": {"value": {"isInput": True, "handleId": "value-input"}}, "value": None}
    document = workflow(
        [
            START,
            config(list=[1, 2]),
            for_each("loop", "list"),
            say("child", variableName="got", **fed),
            say("source", value="fed ${variables.item}"),
            node("call", "reusable.runReusable", contextName="f"),
            node("def", "reusable.reusable", contextName="f"),
            say("inner", variableName="gotInFlow", **fed),
            say("source2", value="flow value"),
            node("end", "reusable.end"),
        ],
        [
            ("start", "config"),
            ("config", "loop"),
            ("loop", "child"),
            ("source", "child", "output", "value-input"),
            ("loop", "call", "loopComplete"),
            ("def", "inner"),
            ("inner", "end"),
            ("source2", "inner", "output", "value-input"),
        ],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed", outcome.error
    assert outcome.variables["got"] == "fed 2"
    assert outcome.variables["gotInFlow"] == "flow value"


def flow(*inner: dict[str, Any], name: str = "f") -> tuple[list[dict[str, Any]], list[tuple[str, ...]]]:
    ids = [f"def-{name}", *(item["id"] for item in inner), f"end-{name}"]
    nodes = [node(ids[0], "reusable.reusable", contextName=name), *inner, node(ids[-1], "reusable.end")]
    return nodes, list(itertools.pairwise(ids))


async def test_reusable_flow_runs_at_each_call_also_in_loops(run_workflow: RunWorkflow) -> None:
    nodes, edges = flow(say("inside"), say("bypassed", bypass=True))
    document = workflow(
        [
            START,
            config(list=[1, 2]),
            node("call1", "reusable.runReusable", contextName="f"),
            for_each("loop", "list"),
            node("call2", "reusable.runReusable", contextName="f"),
            *nodes,
        ],
        [("start", "config"), ("config", "call1"), ("call1", "loop"), ("loop", "call2"), *edges],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"
    assert outcome.ran().count("inside") == 3
    assert statuses(outcome)["bypassed"] == "bypassed"


async def test_empty_flow_succeeds(run_workflow: RunWorkflow) -> None:
    nodes, edges = flow()
    document = workflow(
        [START, node("call", "reusable.runReusable", contextName="f"), *nodes], [("start", "call"), *edges]
    )
    outcome = await run_workflow(document)
    assert outcome.status == "completed"


async def test_failure_in_a_flow_fails_the_call_and_can_be_silent(run_workflow: RunWorkflow) -> None:
    for silent in (False, True):
        nodes, edges = flow(fail("bad", failSilently=silent), say("next"))
        document = workflow(
            [START, node("call", "reusable.runReusable", contextName="f"), *nodes],
            [("start", "call"), *edges],
        )
        outcome = await run_workflow(document)
        assert outcome.status == ("completed" if silent else "failed")
        assert ("next" in outcome.ran()) is silent
        assert statuses(outcome)["call"] == ("completed" if silent else "failed")


async def test_recursion_gets_a_clear_error(run_workflow: RunWorkflow) -> None:
    first, edges1 = flow(node("to-g", "reusable.runReusable", contextName="g"), name="f")
    second, edges2 = flow(node("to-f", "reusable.runReusable", contextName="f"), name="g")
    document = workflow(
        [START, node("call", "reusable.runReusable", contextName="f"), *first, *second],
        [("start", "call"), *edges1, *edges2],
    )
    outcome = await run_workflow(document)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.code == "REUSABLE_FLOW_INVALID"
    assert "f -> g -> f" in outcome.error.message


async def test_switch_and_loop_work_inside_a_flow(run_workflow: RunWorkflow) -> None:
    document = workflow(
        [
            START,
            config(list=[1, 2, 3]),
            node("call", "reusable.runReusable", contextName="f"),
            node("def", "reusable.reusable", contextName="f"),
            switch("sw", yes=variable_is("go", "1")),
            for_each("loop", "list"),
            say("body"),
            say("no"),
            node("end", "reusable.end"),
        ],
        [
            ("start", "config"),
            ("config", "call"),
            ("def", "sw"),
            ("sw", "loop", "yes"),
            ("sw", "no", "default"),
            ("loop", "body"),
            ("loop", "end", "loopComplete"),
        ],
    )
    outcome = await run_workflow(document, variables={"go": "1"})
    assert outcome.status == "completed", outcome.error
    assert outcome.ran().count("body") == 3
    assert statuses(outcome)["no"] == "skipped"


async def test_legacy_types_are_converted_with_a_warning(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(chain(START, node("old", "click", selector="#x")))
    assert outcome.node("old").node_type == "action"
    assert any("legacy type 'click'" in line for line in outcome.log)


async def test_start_overrides_and_context_keys(run_workflow: RunWorkflow) -> None:
    outcome = await run_workflow(
        chain(START, say("a", value="${data.executionId}")), start_overrides={"scrollThenAction": True}
    )
    assert outcome.variables["a"] == "exec-1-1"
    assert outcome.data["scrollThenAction"] is True
    assert outcome.data["batchId"] == "batch-1"
    assert str(outcome.data["screenshotsDirectory"]).endswith("screenshots")


async def test_node_without_data_is_treated_as_empty(run_workflow: RunWorkflow) -> None:
    document = chain({"id": "start", "type": "start"}, {"id": "w", "type": "wait"})
    outcome = await run_workflow(document)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "waitType" in outcome.error.message


async def test_execution_timeout_names_the_node(run_workflow: RunWorkflow) -> None:
    document = chain(START, node("long", "wait", waitType="timeout", value=60_000))
    outcome = await run_workflow(document, timeout_s=0.2)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.node_id) == ("EXECUTION_TIMEOUT", "long")
