"""Executions that wait for people: ``approvalGate`` and ``askHuman``, without a browser or HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from batches.breakpoints import DebugOptions
from batches.errors import ControlError, ControlInvalidError
from batches.events import ExecutionResumed, ExecutionSuspended
from batches.spec import ExecutionOptions
from batches.state import ExecutionState
from tests.batches.debugging import START, Debugging, debugging, say
from tests.batches.runs import MINUTE_MS, passing, pausing, words
from tests.conftest import RunSteps
from tests.running import chain, node, workflow


def gate(**values: Any) -> dict[str, Any]:
    return node("gate", "approvalGate", **{"message": "Send it?", **values})


def ask(**values: Any) -> dict[str, Any]:
    return node("ask", "askHuman", **{"question": "Which colour?", **values})


async def asked(run: Debugging, count: int = 1) -> ExecutionSuspended:
    """Wait for the question with this number, counted over the whole batch from 1."""

    def found() -> list[ExecutionSuspended]:
        return [item for item in run.run.events if isinstance(item, ExecutionSuspended)]

    await run.run.until(lambda: len(found()) >= count)
    return found()[count - 1]


def resumed(run: Debugging) -> list[ExecutionResumed]:
    return [item for item in run.run.events if isinstance(item, ExecutionResumed)]


async def answered(tmp_path: Path, step: dict[str, Any], **reply: Any) -> ExecutionState:
    """How a workflow with this step ends when this is replied."""
    async with debugging(tmp_path, chain(START, step, say("after"))) as run:
        await asked(run)
        await run.send("respond", **reply)
        await run.over()
        return run.only


def ran(execution: ExecutionState) -> list[str]:
    return [item.node_id for item in execution.nodes if item.status == "completed"]


async def test_an_execution_is_suspended_until_somebody_approves(tmp_path: Path) -> None:
    document = chain(START, gate(message="Send ${variables.count} mails?", label="Check"), say("after"))
    options = ExecutionOptions(variables={"count": 3})
    async with debugging(tmp_path, document, options=options) as run:
        event = await asked(run)
        execution = run.only
        assert (execution.status, execution.current_node_id) == ("suspended", "gate")
        assert execution.question is not None
        question = execution.question
        assert (question.number, question.node_id, question.node_label) == (1, "gate", "Check")
        assert (question.kind, question.text, question.choices) == ("approval", "Send 3 mails?", ())
        assert (question.secret, question.timeout_ms) == (False, None)
        assert event.text == "Send 3 mails?"
        assert run.state.counts.suspended == 1
        outcome = await run.send("respond", approved=True, reason="Looks good", owner="ada")
        assert outcome.message == "The answer was taken; the execution goes on"
        assert words(await run.over()) == ["completed"]
        assert run.only.question is None
        assert run.only.data["approval"] == {
            "approved": True,
            "reason": "Looks good",
            "by": "ada",
            "timedOut": False,
        }
        (event_back,) = resumed(run)
        assert (event_back.approved, event_back.reason, event_back.owner) == (True, "Looks good", "ada")
        assert event_back.timed_out is False


async def test_a_rejection_fails_the_node(tmp_path: Path) -> None:
    execution = await answered(tmp_path, gate(), approved=False, reason="Wrong total", owner="bob")

    assert execution.error is not None
    assert (execution.error.code, execution.error.message) == (
        "NOT_APPROVED",
        "Not approved: rejected by bob: Wrong total",
    )
    decision: Any = execution.data["approval"]
    assert decision["approved"] is False
    assert ran(execution) == ["start"]


async def test_the_flow_may_go_on_after_a_rejection(tmp_path: Path) -> None:
    execution = await answered(tmp_path, gate(onReject="continue", outputVariable="decision"), approved=False)

    assert execution.error is None
    assert execution.data["decision"] == {"approved": False, "reason": None, "by": None, "timedOut": False}
    assert ran(execution) == ["start", "gate", "after"]


async def test_an_answer_is_stored(tmp_path: Path) -> None:
    execution = await answered(tmp_path, ask(outputVariable="colour"), answer="blue")

    assert execution.data["colour"] == "blue"
    assert ran(execution) == ["start", "ask", "after"]


async def test_an_answer_can_be_refused(tmp_path: Path) -> None:
    execution = await answered(tmp_path, ask(), approved=False, reason="I do not know")

    assert execution.error is not None
    assert execution.error.message == "Nobody answered: rejected: I do not know"


async def test_an_empty_answer_is_an_answer(tmp_path: Path) -> None:
    assert (await answered(tmp_path, ask(), answer="")).data["answer"] == ""


@pytest.mark.parametrize(
    ("step", "reply", "field", "message"),
    [
        (gate(), {}, "approved", "say approved, true or false"),
        (gate(), {"answer": "yes"}, "approved", "say approved, true or false"),
        (ask(), {}, "answer", "give one, or refuse with approved: false"),
        (ask(), {"approved": True}, "answer", "give one, or refuse"),
        (
            ask(choices=["red", "blue"]),
            {"answer": "green"},
            "answer",
            "The answer must be one of: red, blue",
        ),
    ],
)
async def test_a_reply_must_fit_the_question(
    tmp_path: Path, step: dict[str, Any], reply: dict[str, Any], field: str, message: str
) -> None:
    async with debugging(tmp_path, chain(START, step)) as run:
        await asked(run)
        with pytest.raises(ControlInvalidError) as raised:
            await run.send("respond", **reply)
        assert (raised.value.field, message in raised.value.message) == (field, True)
        assert run.only.status == "suspended"
        await run.send("respond", approved=step["id"] == "gate", answer="red")
        await run.over()


async def test_only_the_first_reply_counts(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate())) as run:
        await asked(run)
        replies = [run.send("respond", approved=index == 0) for index in range(5)]
        results = await asyncio.gather(*replies, return_exceptions=True)
        assert [isinstance(item, ControlError) for item in results] == [False, True, True, True, True]
        assert words(await run.over()) == ["completed"]


async def test_nothing_can_be_replied_to_others(tmp_path: Path) -> None:
    async with debugging(tmp_path, pausing(), passing()) as run:
        await run.run.at_node("pause")
        with pytest.raises(ControlError, match="waits for no answer: it is running"):
            await run.send("respond", run.member(0), approved=True)
        await run.run.until(lambda: run.member(1).status == "completed")
        with pytest.raises(ControlError, match="is over: it is completed"):
            await run.send("respond", run.member(1), approved=True)
        await run.run.runner.stop_all()
        await run.over()


@pytest.mark.parametrize("action", ["continue", "step", "skip", "inspect"])
async def test_the_controls_of_a_pause_do_not_apply(tmp_path: Path, action: str) -> None:
    async with debugging(tmp_path, chain(START, gate())) as run:
        await asked(run)
        with pytest.raises(ControlError) as raised:
            await run.send(action)
        assert raised.value.current in {"suspended", "running"}
        await run.send("respond", approved=True)
        assert words(await run.over()) == ["completed"]


@pytest.mark.parametrize(
    ("step", "status", "code", "stored"),
    [
        (gate(timeout=50), "failed", "ANSWER_TIMEOUT", {"approval": False}),
        (gate(timeout="50", onTimeout="approve"), "completed", None, {"approval": True}),
        (gate(timeout=50, onReject="continue"), "completed", None, {"approval": False}),
        (ask(timeout=50), "failed", "ANSWER_TIMEOUT", {}),
        (ask(timeout=50, defaultAnswer="red"), "completed", None, {"answer": "red"}),
        (ask(timeout=50, defaultAnswer=7, choices=[7, 8]), "completed", None, {"answer": "7"}),
    ],
)
async def test_when_nobody_replies_in_time(
    tmp_path: Path, step: dict[str, Any], status: str, code: str | None, stored: dict[str, Any]
) -> None:
    async with debugging(tmp_path, chain(START, step)) as run:
        assert (await asked(run)).timeout_ms == 50
        assert words(await run.over()) == [status]
        data, error = run.only.data, run.only.error
        assert (error.code if error else None) == code
        assert resumed(run)[0].timed_out is True
        assert {
            name: item["approved"] if isinstance(item, dict) else item
            for name, item in data.items()
            if name in ("approval", "answer")
        } == stored
        if error is not None:
            assert error.message.endswith("no reply within 50 ms")


async def test_a_default_must_be_a_choice(run_steps: RunSteps) -> None:
    values = {"question": "?", "choices": ["a"], "defaultAnswer": "b"}
    outcome = await run_steps(("askHuman", values), open_browser=False)

    assert outcome.error is not None
    assert outcome.error.message == "Property 'defaultAnswer' must be one of 'choices'"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"message": " "}, "Property 'message' is required for node type approvalGate"),
        ({"message": "?", "onTimeout": "wait"}, "onTimeout"),
        ({"message": "?", "onReject": "stop"}, "onReject"),
    ],
)
async def test_wrong_properties(run_steps: RunSteps, values: dict[str, Any], message: str) -> None:
    outcome = await run_steps(("approvalGate", values), open_browser=False)

    assert outcome.error is not None
    assert message in outcome.error.message


async def test_its_slot_is_free_meanwhile(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate()), passing(), passing(), slots=1) as run:
        await asked(run)
        await run.run.until(lambda: run.state.counts.completed == 2)
        counts = run.state.counts
        assert (counts.total, counts.suspended, counts.running, counts.queued) == (3, 1, 0, 0)
        await run.send("respond", run.member(0), approved=True)
        assert words(await run.over()) == ["completed"] * 3


async def test_it_goes_on_when_a_slot_is_free_again(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate(), say("after")), pausing(), passing(), slots=1) as run:
        await asked(run)
        await run.run.at_node("pause")
        outcome = await run.send("respond", run.member(0), approved=True)
        assert outcome.answer == {"waitsForWorker": True}
        assert (run.member(0).status, resumed(run)) == ("suspended", [])
        with pytest.raises(ControlError):
            await run.send("respond", run.member(0), approved=False)
        await run.run.runner.stop_execution(run.member(1).execution_id)
        assert words(await run.over()) == ["completed", "stopped", "completed"]
        ends = [item.execution_id for item in run.run.ends()]
        assert ends.index(run.member(0).execution_id) < ends.index(run.member(2).execution_id)


async def test_a_slot_can_be_kept(tmp_path: Path) -> None:
    options = DebugOptions.model_validate({"pause": {"keepSlot": True}})
    async with debugging(tmp_path, chain(START, gate()), passing(), slots=1, debug=options) as run:
        await asked(run)
        assert run.run.runner.queue.in_use == 1
        assert run.member(1).status == "queued"
        await run.send("respond", run.member(0), approved=True)
        assert words(await run.over()) == ["completed", "completed"]


async def test_stop_while_it_waits(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate(timeout=MINUTE_MS)), chain(START, ask())) as run:
        await asked(run, 2)
        await run.run.runner.stop_execution(run.member(0).execution_id)
        assert words(run.state)[0] == "stopped"
        assert run.member(0).question is None
        await run.run.runner.stop_batch(run.state.batch_id)
        assert words(await run.over()) == ["stopped", "stopped"]
        assert resumed(run) == []


async def test_the_executions_time_stands_still(tmp_path: Path) -> None:
    document = chain(START, gate(timeout=1_200, onTimeout="approve"))
    async with debugging(tmp_path, document, options=ExecutionOptions(timeout_s=1.0)) as run:
        assert words(await run.over()) == ["completed"]
        assert run.only.paused_ms >= 1_000
        assert next(item for item in run.only.nodes if item.node_id == "gate").duration_ms < 1_000


async def test_what_people_decided_is_not_asked_again(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate()), retries=3) as run:
        await asked(run)
        await run.send("respond", approved=False)
        assert words(await run.over()) == ["failed"]
        assert run.only.attempts == 1


async def test_every_round_of_a_loop_asks(tmp_path: Path) -> None:
    document = workflow(
        [
            START,
            node("given", "setConfig.setConfig", config={"items": ["a", "b"]}),
            node("loop", "loop", mode="forEach", arrayVariable="items"),
            ask(question="What of ${variables.item}?"),
        ],
        [("start", "given"), ("given", "loop"), ("loop", "ask", "output")],
    )
    async with debugging(tmp_path, document) as run:
        for number, name in enumerate(("a", "b"), 1):
            event = await asked(run, number)
            assert (event.question, event.text) == (number, f"What of {name}?")
            assert (event.iteration, event.parent_loop_node_id) == (number - 1, "loop")
            await run.send("respond", answer=name.upper())
        assert words(await run.over()) == ["completed"]
        assert run.only.data["answer"] == "B"


async def test_in_a_sub_workflow(tmp_path: Path) -> None:
    (tmp_path / "inner.json").write_bytes(orjson.dumps(chain(START, ask())))
    document = chain(START, node("sub", "subWorkflow", file="inner.json", output={"got": "${data.answer}"}))
    async with debugging(tmp_path, document) as run:
        assert (await asked(run)).node_id == "sub/ask"
        await run.send("respond", answer="green")
        assert words(await run.over()) == ["completed"]
        assert run.only.data["got"] == "green"


async def test_a_bypassed_gate_asks_nobody(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate(bypass=True), say("after"))) as run:
        assert words(await run.over()) == ["completed"]
        assert not [item for item in run.run.events if isinstance(item, ExecutionSuspended)]


async def test_a_rejection_may_be_passed_over(tmp_path: Path) -> None:
    async with debugging(tmp_path, chain(START, gate(failSilently=True), say("after"))) as run:
        await asked(run)
        await run.send("respond", approved=False)
        assert words(await run.over()) == ["completed"]
        assert run.ran() == ["start", "gate", "after"]


async def test_a_secret_answer_leaves_no_trace(tmp_path: Path) -> None:
    document = chain(
        START,
        ask(secret=True, outputVariable="code"),
        node("copy", "stringValue", value="The code is ${data.code}", variableName="copy"),
        node("check", "verify", domain="api", verificationType="status", statusCode=1),
    )
    async with debugging(tmp_path, document) as run:
        event = await asked(run)
        assert event.secret is True
        await run.send("respond", answer="482913-77", reason="It is 482913-77")
        await run.over()
        told = "\n".join(item.model_dump_json() for item in run.run.events)
        assert "482913" not in told
        assert run.only.data["code"] == "***"
        assert run.only.variables["copy"] == "The code is ***"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("approvalGate", {"message": "Send it?"}),
        ("approvalGate", {"message": "Send it?", "timeout": 50}),
        ("askHuman", {"question": "Send it?", "defaultAnswer": "x"}),
        ("askHuman", {"question": "Send it?", "timeout": 50}),
    ],
)
async def test_without_anybody_to_ask_the_node_fails(
    run_steps: RunSteps, kind: str, values: dict[str, Any]
) -> None:
    """An attempt alone, as `batchwright run` has it, asks nobody."""
    outcome = await run_steps((kind, values), open_browser=False, debug=NOBODY)

    assert outcome.error is not None
    assert outcome.error.code == "NOBODY_TO_ASK"
    assert outcome.error.message.startswith("Nobody can reply here to: Send it?")
    assert "batchwright serve" in outcome.error.message


@pytest.mark.parametrize(
    ("kind", "values", "key", "stored"),
    [
        ("approvalGate", {"message": "?", "timeout": 9, "onTimeout": "approve"}, "approval", True),
        ("approvalGate", {"message": "?", "timeout": 9, "onReject": "continue"}, "approval", False),
        ("askHuman", {"question": "?", "timeout": MINUTE_MS, "defaultAnswer": "x"}, "answer", "x"),
    ],
)
async def test_without_anybody_to_ask_what_needs_nobody_goes_on(
    run_steps: RunSteps, kind: str, values: dict[str, Any], key: str, stored: Any
) -> None:
    outcome = await run_steps((kind, values), open_browser=False, debug=NOBODY)

    assert outcome.error is None
    found = outcome.data[key]
    assert (found["approved"] if key == "approval" else found) == stored
    assert [line for line in outcome.log if "goes on without a reply" in line]


NOBODY = DebugOptions.model_validate({"pause": {"waitNodes": False}})
