"""The nodes that ask people: ``approvalGate`` and ``askHuman``.

The execution is suspended until somebody replies: its browser stays open, its slot is free for others, its time
limits stand still.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError
from nodes.model import (
    INTERPOLATED,
    INTERPOLATED_DEEP,
    REQUIRED,
    Flag,
    LooseText,
    NodeData,
    Number,
    OneOf,
    Text,
    Texts,
)
from nodes.questions import APPROVAL, QUESTION, AnswerError, Question, Reply
from nodes.registry import NodeType

__all__ = ["ApprovalGate", "ApprovalGateData", "AskHuman", "AskHumanData"]

_TIMED_OUT: Final = "ANSWER_TIMEOUT"


class _AskingData(NodeData):
    """How long to wait for a reply, and where it goes."""

    timeout: Number = None
    """How long to wait for the reply, ms; without it or with 0, as long as it takes."""

    @property
    def limit_ms(self) -> float | None:
        """The timeout, or None for none."""
        return self.timeout if self.timeout is not None and self.timeout > 0 else None


class ApprovalGateData(_AskingData):
    """What is to be approved, and what happens without an approval."""

    message: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """What people read before they decide."""
    on_reject: Annotated[Text, OneOf("fail", "continue")] = "fail"
    """What a rejection means: the node fails, or the flow goes on and can look at `approved`."""
    on_timeout: Annotated[Text, OneOf("reject", "approve")] = "reject"
    """What it means that nobody decides within `timeout`."""
    output_variable: Text = "approval"
    """Data key for the decision: `{approved, reason, by, timedOut}`."""


class ApprovalGate(NodeType[ApprovalGateData]):
    """Suspend the execution until somebody approves or rejects.

    The reply comes in over HTTP: `POST /api/workflows/execution/{executionId}/respond` with
    `{"approved": true, "reason": "..."}`.
    """

    name: ClassVar = "approvalGate"
    title: ClassVar = "Approval Gate"
    category: ClassVar = "people"
    writes: ClassVar = ("approval",)
    uses_page: ClassVar = False

    async def run(self, data: ApprovalGateData, run: NodeRun) -> None:
        """Ask and wait.

        Raises:
            AnswerError: It was rejected, or nobody decided in time.
            NobodyToAskError: The execution runs without anybody who could decide.
        """
        late_means = choose({"reject": False, "approve": True}, data.on_timeout, "onTimeout")
        fails = choose({"fail": True, "continue": False}, data.on_reject, "onReject")
        text = run.require(data.message, "message")
        optional = data.limit_ms is not None and (late_means or not fails)
        reply = await run.ask(Question(APPROVAL, text, timeout_ms=data.limit_ms, optional=optional))
        approved = late_means if reply.timed_out else reply.approved
        run.data[data.output_variable or "approval"] = {
            "approved": approved,
            "reason": reply.reason,
            "by": reply.owner,
            "timedOut": reply.timed_out,
        }
        if not approved and fails:
            raise _refused(data, reply, "Not approved")
        run.result = "Approved" if approved else "Rejected"


class AskHumanData(_AskingData):
    """What is asked, and where the answer goes."""

    question: Annotated[Text, INTERPOLATED, REQUIRED] = None
    """What people read."""
    choices: Annotated[Texts, INTERPOLATED_DEEP] = ()
    """The answers there are; none means any text."""
    default_answer: Annotated[LooseText, INTERPOLATED] = None
    """The answer when nobody answers within `timeout`; without it, the node fails then."""
    secret: Flag = False
    """The answer is a secret, such as a one-time code: it is masked in events, reports and logs."""
    output_variable: Text = "answer"
    """Data key for the answer."""


class AskHuman(NodeType[AskHumanData]):
    """Suspend the execution until somebody answers a question.

    The reply comes in over HTTP: `POST /api/workflows/execution/{executionId}/respond` with `{"answer": "..."}`;
    `{"approved": false, "reason": "..."}` refuses to answer.
    """

    name: ClassVar = "askHuman"
    title: ClassVar = "Ask Human"
    category: ClassVar = "people"
    writes: ClassVar = ("answer",)
    uses_page: ClassVar = False

    async def run(self, data: AskHumanData, run: NodeRun) -> None:
        """Ask and wait.

        Raises:
            AnswerError: Somebody refused, or nobody answered in time.
            NobodyToAskError: The execution runs without anybody who could answer.
        """
        text = run.require(data.question, "question")
        if data.default_answer is not None and data.choices and data.default_answer not in data.choices:
            raise NodeDataError("Property 'defaultAnswer' must be one of 'choices'", field="defaultAnswer")
        optional = data.limit_ms is not None and data.default_answer is not None
        question = Question(QUESTION, text, data.choices, data.limit_ms, data.secret, optional)
        reply = await run.ask(question)
        answer = data.default_answer if reply.timed_out else reply.answer
        if answer is None or not (reply.timed_out or reply.approved):
            raise _refused(data, reply, "Nobody answered")
        run.data[data.output_variable or "answer"] = answer
        run.result = "Answered"


def _refused(data: _AskingData, reply: Reply, what: str) -> AnswerError:
    if reply.timed_out:
        return AnswerError(f"{what}: no reply within {data.limit_ms:g} ms", reply=reply, code=_TIMED_OUT)
    by = f" by {reply.owner}" if reply.owner else ""
    why = f": {reply.reason}" if reply.reason else ""
    return AnswerError(f"{what}: rejected{by}{why}", reply=reply)
