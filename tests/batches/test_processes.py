from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from batches import processes
from batches.lifeline import Lifeline
from batches.processes import MARK, ProcessId

_TREE = """
import subprocess, sys
deep = "import subprocess, sys; subprocess.Popen(['sleep', '300']); print('up', flush=True); sys.stdin.read()"
subprocess.Popen(["sleep", "300"])
child = subprocess.Popen([sys.executable, "-c", deep])
child.wait()
"""


@pytest.fixture
def tree() -> Iterator[ProcessId]:
    """The root of four processes, leader of its group as a browser is, with the mark ``test-mark-1``."""
    process = subprocess.Popen(
        [sys.executable, "-c", _TREE],
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, MARK: "test-mark-1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    identity = processes.identify(process.pid)
    assert identity is not None
    yield identity
    processes.kill_tree(identity, 5)
    with process:
        process.kill()


async def test_the_whole_tree_is_killed(tree: ProcessId) -> None:
    members = await asyncio.to_thread(processes.descendants, tree)
    assert len(members) == 3

    survivors = await asyncio.to_thread(processes.kill_tree, tree, 5)

    assert survivors == []
    assert not any(processes.is_alive(process) for process in [tree, *members])


def test_what_outlives_the_root_is_killed_too(tree: ProcessId) -> None:
    members = processes.descendants(tree)
    os.kill(tree.pid, signal.SIGKILL)
    assert processes.wait_gone([tree], 5) == []
    assert len(processes.descendants(tree)) == 3

    assert processes.kill_tree(tree, 5) == []
    assert not any(processes.is_alive(process) for process in members)


def test_stopped_processes_are_killed(tree: ProcessId) -> None:
    os.killpg(tree.pid, signal.SIGSTOP)

    assert processes.kill_tree(tree, 5) == []
    assert not processes.is_alive(tree)


def test_a_mark_finds_its_tree_root_first(tree: ProcessId) -> None:
    found = processes.find_marked("test-mark-1")

    assert found[0] == tree
    assert len(found) == 4
    assert processes.find_marked("test-mark-", prefix=True) == found
    assert processes.find_marked("test-mark-") == []
    me = processes.identify(os.getpid())
    assert processes.find_marked("test-mark-1", under=me) == [tree]


def test_a_process_with_a_used_number_is_left_alone(tree: ProcessId) -> None:
    earlier = ProcessId(tree.pid, tree.started - 100)

    assert not processes.is_alive(earlier)
    assert processes.descendants(earlier) == []
    assert processes.kill_tree(earlier, 1) == []
    assert processes.is_alive(tree)


def test_parents_and_children_are_told(tree: ProcessId) -> None:
    me = processes.identify(os.getpid())

    assert processes.parent(tree) == me
    assert tree in processes.children(sys.executable)
    assert processes.children("no such program") == []


def test_a_number_nobody_has_is_nobody() -> None:
    gone = ProcessId(2**22 + 5, 0.0)

    assert processes.identify(gone.pid) is None
    assert processes.parent(gone) is None
    assert processes.kill_tree(gone, 1) == []


def test_a_process_that_starts_now_counts_as_started_since(tree: ProcessId) -> None:
    assert tree.started <= processes.now() + 1
    before = processes.now()
    with subprocess.Popen(["sleep", "300"]) as later:
        try:
            assert [process.pid for process in processes.children("sleep", since=before)] == [later.pid]
            assert processes.children("sleep", since=before + 1e9) == []
        finally:
            later.kill()


def test_a_lifeline_tells_of_the_end_at_once(tree: ProcessId) -> None:
    lifeline = Lifeline(tree)
    told = [lifeline.alive]

    os.kill(tree.pid, signal.SIGKILL)
    assert processes.wait_gone([tree], 5) == []

    told.append(lifeline.alive)
    lifeline.close()
    lifeline.close()
    told.append(lifeline.alive)
    assert told == [True, False, False]


def test_a_lifeline_counts_a_zombie_as_ended() -> None:
    with subprocess.Popen(["true"]) as ended:
        identity = processes.identify(ended.pid)
        assert identity is not None
        lifeline = Lifeline(identity)
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert not lifeline.alive
        lifeline.close()


def test_a_lifeline_is_not_taken_in_by_a_number_that_was_given_again(tree: ProcessId) -> None:
    lifeline = Lifeline(ProcessId(tree.pid, tree.started - 1))
    assert not lifeline.alive
    lifeline.close()


@pytest.mark.parametrize("refuses", [True, False])
def test_a_lifeline_works_where_processes_have_no_descriptors(
    tree: ProcessId, monkeypatch: pytest.MonkeyPatch, *, refuses: bool
) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    if refuses:
        monkeypatch.setattr(os, "pidfd_open", refused)
    else:
        monkeypatch.delattr(os, "pidfd_open")
    lifeline = Lifeline(tree)
    told = [lifeline.alive]
    os.kill(tree.pid, signal.SIGKILL)
    assert processes.wait_gone([tree], 5) == []
    told.append(lifeline.alive)
    assert told == [True, False]
