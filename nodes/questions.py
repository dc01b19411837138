"""What a node asks people while its execution is suspended, and what they reply."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.errors import NodeError

__all__ = ["APPROVAL", "QUESTION", "AnswerError", "NobodyToAskError", "Question", "Reply"]

APPROVAL = "approval"
QUESTION = "question"


@dataclass(frozen=True, slots=True)
class Question:
    """What a person has to say.

    Attributes:
        kind: ``approval`` (yes or no) or ``question`` (an answer).
        text: What they read.
        choices: The answers there are; none means any text.
        timeout_ms: How long to wait, ms; None means as long as it takes.
        secret: Whether the answer is a secret, to be masked from then on.
        optional: Whether the node has something to go on with when nobody replies in time.
    """

    kind: str
    text: str
    choices: tuple[str, ...] = ()
    timeout_ms: float | None = None
    secret: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a question.

    Attributes:
        approved: Whether they agreed; for a question, whether they answered.
        answer: What they answered.
        reason: Why, in their words.
        owner: Who it was, where given.
        timed_out: Whether nobody replied in time; then nothing else means anything.
    """

    approved: bool = False
    answer: str | None = None
    reason: str | None = None
    owner: str | None = None
    timed_out: bool = False


class NobodyToAskError(NodeError):
    """Raised where an execution runs without anybody who could answer."""

    code = "NOBODY_TO_ASK"


class AnswerError(NodeError):
    """Raised when people refused, or did not answer in time; ``reply`` is what they said."""

    code = "NOT_APPROVED"

    def __init__(self, message: str, *, reply: Reply, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.reply = reply
