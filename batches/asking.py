"""The questions of one attempt: it stands still at a node that asks people, until one of them replies.

The first reply that fits is taken and every later one refused, as with pauses (`batches.gate`). While it waits, the
execution's clock stands still.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from batches.controls import ControlOutcome, Respond
from batches.events import ExecutionResumed, ExecutionSuspended
from batches.gate import Spot, conflict, invalid
from nodes.clock import Clock
from nodes.masking import Masker
from nodes.questions import APPROVAL, Question, Reply

__all__ = ["Asking"]

Emit = Callable[[type[ExecutionSuspended | ExecutionResumed], dict[str, Any]], None]


@dataclass(slots=True)
class _Open:
    """A question that nobody has answered yet."""

    number: int
    question: Question
    wake: asyncio.Future[None]
    reply: Reply | None = None


class Asking:
    """Asks people for one attempt.

    Args:
        clock: Stands still while it waits.
        emit: Called with events and their fields.
        masker: Learns answers that are secrets.
    """

    def __init__(self, clock: Clock, emit: Emit, masker: Masker) -> None:
        self._clock = clock
        self._emit = emit
        self._masker = masker
        self._open: _Open | None = None
        self._count = 0

    @property
    def waits(self) -> bool:
        """Whether a question is open."""
        return self._open is not None

    async def ask(self, spot: Spot, question: Question) -> Reply:
        """Stand still until somebody replies.

        Args:
            spot: The node that asks.
            question: What it asks.
        """
        self._count += 1
        wake = asyncio.get_running_loop().create_future()
        standing = self._open = _Open(self._count, question, wake)
        began = time.monotonic()
        self._clock.stop()
        self._emit(ExecutionSuspended, self._facts(standing, spot))
        try:
            await wake
        finally:
            self._open = None
            self._clock.start()
        reply = standing.reply or Reply(timed_out=True)
        if question.secret and reply.answer:
            self._masker.add(reply.answer)
        fields = {
            "question": standing.number,
            "node_id": spot.place["node_id"],
            "approved": reply.approved,
            "answer": reply.answer,
            "reason": reply.reason,
            "owner": reply.owner,
            "timed_out": reply.timed_out,
            "suspended_ms": round((time.monotonic() - began) * 1000),
        }
        self._emit(ExecutionResumed, fields)
        return reply

    def accept(self, control: Respond) -> ControlOutcome:
        """Take a reply, unless nothing is asked, another one was taken, or it does not fit the question."""
        standing = self._open
        if standing is None:
            return conflict("The execution waits for no answer: it is running", "running")
        if standing.reply is not None:
            return conflict("The execution has its answer already", "running")
        reply = Reply(
            approved=bool(control.approved),
            answer=control.answer,
            reason=control.reason,
            owner=control.owner,
            timed_out=control.expired,
        )
        if not control.expired:
            refusal, reply = _fitted(standing.question, control, reply)
            if refusal is not None:
                return refusal
        standing.reply = reply
        if not control.wait:
            self.proceed()
        return ControlOutcome(message="The answer was taken; the execution goes on")

    def proceed(self) -> ControlOutcome:
        """Let the execution go on with the reply that was accepted."""
        standing = self._open
        if standing is None or standing.reply is None:
            return conflict("Nothing was answered that could be carried out now", "suspended")
        if not standing.wake.done():
            standing.wake.set_result(None)
        return ControlOutcome(message="The execution goes on")

    def _facts(self, standing: _Open, spot: Spot) -> dict[str, Any]:
        question = standing.question
        return {
            **spot.place,
            "question": standing.number,
            "kind": question.kind,
            "text": question.text,
            "choices": question.choices,
            "secret": question.secret,
            "timeout_ms": round(question.timeout_ms) if question.timeout_ms is not None else None,
        }


def _fitted(question: Question, control: Respond, reply: Reply) -> tuple[ControlOutcome | None, Reply]:
    """Why a reply does not fit a question, or None and the reply."""
    if question.kind == APPROVAL:
        if control.approved is None:
            return invalid(
                "The execution waits for a decision: say approved, true or false", "approved"
            ), reply
        return None, reply
    if control.approved is False:
        return None, reply
    if control.answer is None:
        return invalid(
            "The execution waits for an answer: give one, or refuse with approved: false", "answer"
        ), reply
    if question.choices and control.answer not in question.choices:
        return invalid(f"The answer must be one of: {', '.join(question.choices)}", "answer"), reply
    return None, replace(reply, approved=True)
