"""The node ``formInput`` in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunSteps
from tests.nodes.test_interaction import page, text_of
from tests.running import Outcome, Step

CHOSEN = {
    "by value": ({"values": "g"}, "Green"),
    "by value, which is also a label": ({"values": "Green"}, "Green"),
    "by label": ({"values": ["Blue"], "selectBy": "label"}, "Blue"),
    "by index": ({"values": "1", "selectBy": "index"}, "Red"),
    "by index as a number": ({"values": 2, "selectBy": "index"}, "Green"),
    "by a reference": ({"values": ["${data.colour}"]}, "Blue"),
    "several": ({"selector": "#many", "values": ["1", 3]}, "One,Three"),
    "the empty option": ({"values": [""], "selectBy": "value"}, "choose"),
    "with the alias": ({"action": "selectOption", "value": "g"}, "Green"),
    "several with the alias": (
        {"action": "selectOption", "selector": "#many", "value": ["2", "3"]},
        "Two,Three",
    ),
    "the alias prefers values": ({"action": "selectOption", "values": "r", "value": "g"}, "Red"),
}


async def choose(run_steps: RunSteps, site_url: str, **data: Any) -> Outcome:
    step = ("formInput", {"action": "select", "selector": "#colour", "timeout": 2000, **data})
    pick_first: Step = ("formInput", {"action": "select", "selector": "#colour", "values": "r"})
    return await run_steps(page(site_url, "form"), pick_first, step, text_of("#chosen"), data={"colour": "b"})


@pytest.mark.parametrize(("data", "expected"), CHOSEN.values(), ids=CHOSEN)
async def test_select(run_steps: RunSteps, site_url: str, data: dict[str, Any], expected: str) -> None:
    outcome = await choose(run_steps, site_url, **data)
    assert outcome.error is None
    assert outcome.data["text"] == expected


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no action": ({"action": None}, "'action' is required"),
    "unknown action": ({"action": "tick"}, "unknown value 'tick'; it can be: select"),
    "no values": ({}, "'values' is required"),
    "empty values": ({"values": []}, "'values' is required"),
    "value without the alias": ({"value": "g"}, "'values' is required"),
    "unknown way": ({"values": "g", "selectBy": "colour"}, "'selectBy' has the unknown value 'colour'"),
    "index that is no number": ({"values": "first", "selectBy": "index"}, "not 'first'"),
    "no files": ({"action": "upload", "selector": "#files"}, "'filePaths' is required"),
}


@pytest.mark.parametrize(("data", "message"), WRONG.values(), ids=WRONG)
async def test_wrong_properties_are_named(
    run_steps: RunSteps, site_url: str, data: dict[str, Any], message: str
) -> None:
    outcome = await choose(run_steps, site_url, **data)
    assert outcome.error is not None
    assert outcome.error.code == "NODE_PROPERTY_INVALID"
    assert message in outcome.error.message


async def test_an_option_that_is_not_there_times_out(run_steps: RunSteps, site_url: str) -> None:
    outcome = await choose(run_steps, site_url, values="violet", timeout=100)
    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_check_and_uncheck(run_steps: RunSteps, site_url: str) -> None:
    def is_checked(name: str) -> Step:
        return ("elementQuery", {"action": "isChecked", "selector": "#box", "outputVariable": name})

    outcome = await run_steps(
        page(site_url, "form"),
        ("formInput", {"action": "check", "selector": "#box"}),
        ("formInput", {"action": "check", "selector": "#box"}),
        is_checked("first"),
        ("formInput", {"action": "uncheck", "selector": "#box"}),
        is_checked("second"),
    )
    assert outcome.error is None
    assert (outcome.data["first"], outcome.data["second"]) == (True, False)


async def test_force_skips_the_checks(run_steps: RunSteps, site_url: str) -> None:
    covered = {"action": "check", "selector": "#covered", "timeout": 300}
    outcome = await run_steps(
        page(site_url, "form"),
        ("formInput", {**covered, "failSilently": True}),
        ("formInput", {**covered, "force": True, "failSilently": True}),
    )
    patient, forced = outcome.node("n2").error, outcome.node("n3").error
    assert patient is not None
    assert patient.code == "NODE_TIMEOUT"
    assert forced is not None
    assert "did not change its state" in forced.message


async def test_upload(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "two.txt").write_text("22")
    outcome = await run_steps(
        page(site_url, "form"),
        (
            "formInput",
            {
                "action": "upload",
                "selector": "#files",
                "filePaths": ["${data.name}.txt", str(tmp_path / "two.txt")],
            },
        ),
        text_of("#names"),
        data={"name": "one"},
    )
    assert outcome.error is None
    assert outcome.data["text"] == "one.txt:1 two.txt:2"


async def test_upload_of_a_missing_file_names_it(run_steps: RunSteps, site_url: str, tmp_path: Path) -> None:
    outcome = await run_steps(
        page(site_url, "form"),
        ("formInput", {"action": "upload", "selector": "#files", "filePaths": "gone.txt"}),
    )
    assert outcome.error is not None
    assert outcome.error.code == "FILE_NOT_USABLE"
    assert str(tmp_path / "gone.txt") in outcome.error.message
