from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from typing import Any

import pytest

from batches.log_context import EXECUTION_ID
from server.logs import logging_to
from server.settings import LogFormat, LogLevel

LOGGER = logging.getLogger("batchwright.test")


def refuse(text: str) -> None:
    raise ValueError(text)


def text_of(level: LogLevel = LogLevel.INFO, *args: Any, **extra: Any) -> list[str]:
    stream = io.StringIO()
    with logging_to(level, LogFormat.TEXT, stream):
        LOGGER.info(*args, **extra)
        LOGGER.debug("a detail")
    return stream.getvalue().splitlines()


def test_text_lines() -> None:
    (line,) = text_of(LogLevel.INFO, "listening on %d", 3003)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO test: listening on 3003", line)


def test_levels() -> None:
    assert len(text_of(LogLevel.DEBUG, "x")) == 2
    assert text_of(LogLevel.WARNING, "x") == []


def test_control_characters_are_shown_not_obeyed() -> None:
    (line,) = text_of(LogLevel.INFO, "%s", "a\x1b[31m\rb\x07")
    assert line.endswith("test: a␛[31m␍b␇")


def test_a_line_break_in_a_message_forges_no_line() -> None:
    (line,) = text_of(LogLevel.INFO, "%s", "one\n2026-01-01T00:00:00.000Z INFO test: two")
    assert "one␊2026" in line


def test_json_lines_carry_what_the_call_added() -> None:
    stream = io.StringIO()
    with logging_to(LogLevel.INFO, LogFormat.JSON, stream):
        LOGGER.warning("%s\nfailed", "flow", extra={"status": "failed", "durationMs": 3})
        try:
            refuse("no number")
        except ValueError:
            LOGGER.exception("a fault")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert {**first, "timestamp": None} == {
        "timestamp": None,
        "level": "WARNING",
        "logger": "batchwright.test",
        "message": "flow\nfailed",
        "status": "failed",
        "durationMs": 3,
    }
    assert first["timestamp"].endswith(("Z", "+00:00"))
    assert "ValueError: no number" in second["exception"]


async def test_lines_name_the_execution_of_their_task() -> None:
    stream = io.StringIO()

    async def work(execution_id: str) -> None:
        EXECUTION_ID.set(execution_id)
        await asyncio.sleep(0)
        LOGGER.info("works")

    with logging_to(LogLevel.INFO, LogFormat.JSON, stream):
        await asyncio.gather(work("exec-1"), work("exec-2"))
        LOGGER.info("outside")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("executionId") for line in lines] == ["exec-1", "exec-2", None]


def test_a_trace_keeps_its_lines() -> None:
    stream = io.StringIO()
    with logging_to(LogLevel.INFO, LogFormat.TEXT, stream):
        try:
            refuse("no\x1b number")
        except ValueError:
            LOGGER.exception("a fault")
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("ERROR test: a fault")
    assert lines[-1] == "ValueError: no␛ number"


async def test_text_lines_name_it_at_their_end() -> None:
    stream = io.StringIO()
    with logging_to(LogLevel.INFO, LogFormat.TEXT, stream):
        LOGGER.info("works", extra={"executionId": "exec-7"})
    assert stream.getvalue().endswith("test: works [exec-7]\n")


def test_a_closed_stream_hurts_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with logging_to(LogLevel.INFO, LogFormat.TEXT, stream):
        stream.close()
        LOGGER.info("x")
    assert capsys.readouterr() == ("", "")


def test_loggers_are_as_before_afterwards() -> None:
    before = logging.getLogger("batchwright"), logging.getLogger("asyncio")
    state = [(item.handlers, item.level, item.propagate) for item in before]
    text_of(LogLevel.INFO, "x")
    assert [(item.handlers, item.level, item.propagate) for item in before] == state
