"""Order, cycles, regions and graph validation: workflow-format.md, sections 5.2, 6, 8 and 11 to 13."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodes.document import parse_workflow
from nodes.ordering import find_cycle, order_nodes, visited_nodes
from nodes.plan import Plan
from tests.running import chain, node, workflow


def plan(nodes: list[str | dict[str, Any]], edges: list[tuple[str, ...]]) -> Plan:
    built = [
        item if isinstance(item, dict) else node(item, "start" if item == "start" else "wait")
        for item in nodes
    ]
    return Plan(parse_workflow(workflow(built, edges)))


def test_runs_one_branch_to_its_end_before_the_next() -> None:
    p = plan(
        ["start", "a", "a2", "b", "b2"],
        [("start", "a"), ("start", "b"), ("a", "a2"), ("b", "b2")],
    )
    assert p.main.order == ("start", "a", "a2", "b", "b2")


def test_two_control_edges_mean_after_both() -> None:
    p = plan(
        ["start", "a", "join", "b"],
        [("start", "a"), ("a", "join"), ("start", "b"), ("b", "join", "output", "input")],
    )
    assert p.main.order.index("join") > max(p.main.order.index("a"), p.main.order.index("b"))


def test_value_node_comes_just_before_the_node_it_feeds() -> None:
    p = plan(
        ["start", "a", "b", node("value", "stringValue")],
        [("start", "a"), ("a", "b"), ("value", "b", "output", "text-input")],
    )
    assert p.main.order == ("start", "a", "value", "b")


def test_property_only_and_odd_handles_run_through_the_second_phase() -> None:
    p = plan(["start", "a", "b"], [("start", "a", "source", "target"), ("a", "b", "source", "target")])
    assert p.main.order == ("start", "a", "b")


def test_unconnected_nodes_and_detached_cycles_never_run() -> None:
    p = plan(["start", "a", "x", "y"], [("start", "a"), ("x", "y"), ("y", "x")])
    assert p.main.order == ("start", "a")
    assert p.problems() == ([], [])


def test_false_cycle_of_the_reference_is_none() -> None:
    """workflow-format.md, section 6: this edge order made the reference report a cycle."""
    edges = [
        ("start", "N"),
        ("start", "D"),
        ("D", "N", "output", "input"),
        ("D", "M"),
        ("N", "M", "output", "input"),
    ]
    p = plan(["start", "N", "D", "M"], edges)
    assert p.problems()[0] == []
    assert p.main.order == ("start", "D", "N", "M")


def test_cycle_is_named_along_its_path() -> None:
    p = plan(["start", "a", "b"], [("start", "a"), ("a", "b"), ("b", "a", "output", "input")])
    (problem,) = p.problems()[0]
    assert problem.startswith("Circular dependency detected")
    assert "a" in problem
    assert "b" in problem


def test_comments_are_traversed_and_never_executed() -> None:
    p = plan(["start", node("c", "comment-box.comment"), "a"], [("start", "c"), ("c", "a")])
    assert p.main.order == ("start", "a")


def test_long_chains_do_not_exhaust_the_stack() -> None:
    names = [f"n{i}" for i in range(5_000)]
    p = plan(["start", *names], list(zip(["start", *names], names, strict=False)))
    assert len(p.main.order) == 5_001


def test_loop_body_is_everything_behind_output_and_not_part_of_the_main_flow() -> None:
    p = plan(
        ["start", node("loop", "loop"), "a", "b", "after"],
        [("start", "loop"), ("loop", "a"), ("a", "b"), ("loop", "after", "loopComplete")],
    )
    assert p.main.order == ("start", "loop", "after")
    assert p.body("loop", p.main).order == ("a", "b")


def test_edge_without_source_handle_is_no_loop_body() -> None:
    document = workflow(
        [node("start", "start"), node("loop", "loop"), node("a", "wait")], [("start", "loop"), ("loop", "a")]
    )
    del document["edges"][1]["sourceHandle"]
    p = Plan(parse_workflow(document))
    assert p.body("loop", p.main).order == ()
    assert p.main.order == ("start", "loop", "a")


def test_loop_body_crosses_switch_cases_and_inner_loops() -> None:
    switch = node("sw", "switch.switch", cases=[{"id": "case-1"}], defaultCase={"label": "d"})
    p = plan(
        ["start", node("outer", "loop"), switch, "yes", "no", node("inner", "loop"), "in", "done"],
        [
            ("start", "outer"),
            ("outer", "sw"),
            ("sw", "yes", "case-1"),
            ("sw", "no", "default"),
            ("yes", "inner"),
            ("inner", "in"),
            ("inner", "done", "loopComplete"),
        ],
    )
    body = p.body("outer", p.main)
    assert body.order == ("sw", "yes", "inner", "done", "no")
    assert p.body("inner", body).order == ("in",)


def test_value_that_only_feeds_a_loop_child_runs_inside_the_loop() -> None:
    p = plan(
        ["start", node("loop", "loop"), "child", node("value", "stringValue")],
        [("start", "loop"), ("loop", "child"), ("value", "child", "output", "text-input")],
    )
    assert p.main.order == ("start", "loop")
    assert p.body("loop", p.main).order == ("value", "child")


def test_wired_value_that_feeds_a_loop_child_runs_before_the_loop() -> None:
    p = plan(
        ["start", node("loop", "loop"), "child", node("value", "stringValue")],
        [
            ("start", "loop"),
            ("loop", "child"),
            ("start", "value"),
            ("value", "child", "output", "text-input"),
        ],
    )
    assert p.main.order == ("start", "value", "loop")


def test_flow_scope_ends_at_its_end_node_and_stays_out_of_the_main_flow() -> None:
    p = plan(
        [
            "start",
            node("call", "reusable.runReusable", contextName="f"),
            node("def", "reusable.reusable", contextName="f"),
            "a",
            node("end", "reusable.end"),
            "behind",
        ],
        [("start", "call"), ("def", "a"), ("a", "end"), ("end", "behind")],
    )
    assert p.main.order == ("start", "call")
    flow = p.flow("f")
    assert flow is not None
    assert flow.order == ("a",)
    assert p.problems() == ([], [])


def test_nested_definition_does_not_close_the_outer_scope() -> None:
    p = plan(
        [
            "start",
            node("d1", "reusable.reusable", contextName="outer"),
            "a",
            node("d2", "reusable.reusable", contextName="inner"),
            "b",
            node("e2", "reusable.end"),
            "c",
            node("e1", "reusable.end"),
        ],
        [("d1", "a"), ("a", "d2"), ("d2", "b"), ("b", "e2"), ("e2", "c"), ("c", "e1")],
    )
    outer, inner = p.flow("outer"), p.flow("inner")
    assert outer is not None
    assert inner is not None
    assert "c" in outer.order
    assert inner.order == ("b",)


def test_value_that_feeds_a_flow_runs_in_the_call() -> None:
    p = plan(
        [
            "start",
            node("call", "reusable.runReusable", contextName="f"),
            node("def", "reusable.reusable", contextName="f"),
            "a",
            node("value", "stringValue"),
        ],
        [("start", "call"), ("def", "a"), ("value", "a", "output", "text-input")],
    )
    flow = p.flow("f")
    assert flow is not None
    assert flow.order == ("value", "a")
    assert p.problems()[1] == ["Reusable flow 'f' has no end node"]


def test_value_wired_elsewhere_runs_before_the_call_of_the_flow_it_feeds() -> None:
    p = plan(
        [
            "start",
            node("call", "reusable.runReusable", contextName="f"),
            node("def", "reusable.reusable", contextName="f"),
            "a",
            node("source", "wait"),
            node("value", "stringValue"),
        ],
        [
            ("start", "call"),
            ("def", "a"),
            ("start", "source", "output", "input"),
            ("source", "value"),
            ("value", "a", "output", "text-input"),
        ],
    )
    assert p.main.order == ("start", "source", "value", "call")


SWITCH = node("sw", "switch.switch", cases=[{"id": "c1"}, {"id": "c2"}], defaultCase={"label": "d"})


def test_switch_skips_the_other_branches_and_keeps_the_join() -> None:
    p = plan(
        ["start", SWITCH, "a", "b", "join"],
        [
            ("start", "sw"),
            ("sw", "a", "c1"),
            ("sw", "b", "c2"),
            ("a", "join"),
            ("b", "join", "output", "input"),
        ],
    )
    assert p.unselected("sw", "c1") == {"b"}
    assert p.unselected("sw", "default") == {"a", "b", "join"}


def test_numbered_cases_are_followed_too() -> None:
    outer = node("sw", "switch.switch", cases=[{"id": 1}])
    inner = node("sw2", "switch.switch", cases=[{"id": 7}])
    p = plan(
        ["start", outer, inner, "deep", "b"],
        [("start", "sw"), ("sw", "sw2", "1"), ("sw2", "deep", "7"), ("sw", "b", "default")],
    )
    assert p.unselected("sw", "default") == {"sw2", "deep"}


def test_switch_skips_nested_branches_transitively() -> None:
    inner = node("sw2", "switch.switch", cases=[{"id": "x"}], defaultCase={"label": "d"})
    p = plan(
        ["start", SWITCH, "a", inner, "deep", node("loop", "loop"), "body", "done"],
        [
            ("start", "sw"),
            ("sw", "a", "c1"),
            ("sw", "sw2", "c2"),
            ("sw2", "deep", "x"),
            ("sw2", "loop", "default"),
            ("loop", "body"),
            ("loop", "done", "loopComplete"),
        ],
    )
    assert p.unselected("sw", "c1") == {"sw2", "deep", "loop", "body", "done"}


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        ([node("d", "reusable.reusable", contextName=" ")], [], "needs a contextName"),
        (
            [
                node("d", "reusable.reusable", contextName="f"),
                node("d2", "reusable.reusable", contextName="f"),
            ],
            [],
            "is used by",
        ),
        ([node("r", "reusable.runReusable")], [("start", "r")], "needs a contextName"),
        (
            [node("r", "reusable.runReusable", contextName="nope")],
            [("start", "r")],
            "no reusable flow is named 'nope'",
        ),
        (
            [node("a", "wait"), node("b", "wait")],
            [("start", "a"), ("start", "b"), ("a", "b")],
            "2 driver connections",
        ),
    ],
)
def test_graph_problems(nodes: list[dict[str, Any]], edges: list[tuple[str, ...]], message: str) -> None:
    problems, _ = plan(["start", *nodes], edges).problems()
    assert any(message in problem for problem in problems), problems


def test_many_input_edges_are_no_problem() -> None:
    p = plan(
        ["start", "a", "b"],
        [("start", "a"), ("start", "b"), ("a", "b", "output", "input"), ("start", "b", "output", "input")],
    )
    assert p.problems()[0] == []


def test_legacy_and_linear_documents_keep_document_order() -> None:
    document = chain(node("start", "start"), node("x", "wait"), node("y", "wait"))
    assert Plan(parse_workflow(document)).main.order == ("start", "x", "y")


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    size = draw(st.integers(2, 12))
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=24, unique=True))
    return size, draw(st.permutations(edges))


@given(acyclic_graphs(), st.sampled_from(["input", "text-input", "target"]))
@example((5, [(0, 2), (0, 1), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4)]), "input")
def test_every_acyclic_graph_has_a_topological_order(
    graph: tuple[int, list[tuple[int, int]]], handle: str
) -> None:
    size, edges = graph
    names = ["start", *(f"n{i}" for i in range(1, size))]
    p = plan(list(names), [(names[a], names[b], "output", handle) for a, b in edges])
    assert find_cycle(p.graph, set(names)) is None
    visited = visited_nodes(p.graph, ["start"], set(names))
    order = order_nodes(p.graph, ["start"], visited)
    assert set(order) == visited
    assert len(order) == len(set(order))
    place = {name: index for index, name in enumerate(order)}
    for a, b in edges:
        if names[b] in place:
            assert place[names[a]] < place[names[b]]


@given(acyclic_graphs(), st.data())
def test_closing_a_path_is_always_found(
    graph: tuple[int, list[tuple[int, int]]], data: st.DataObject
) -> None:
    size, edges = graph
    if not edges:
        return
    a, b = data.draw(st.sampled_from(edges))
    names = [f"n{i}" for i in range(size)]
    closed = [*edges, (b, a)]
    p = plan(["start", *names], [(names[x], names[y], "output", "input") for x, y in closed])
    assert find_cycle(p.graph, set(names)) is not None
