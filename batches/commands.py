"""Running another program with a limit on its time, whatever it starts itself."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from batches.processes import identify, kill_tree

__all__ = ["CommandResult", "run_command"]

_KILL_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a program ended.

    Attributes:
        code: Its exit code; None if it could not be started or ran out of time.
        lines: What it printed, without line ends.
        problem: Why there is no exit code; empty otherwise.
    """

    code: int | None
    lines: tuple[str, ...]
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended well."""
        return self.code == 0


def run_command(
    command: Sequence[str | os.PathLike[str]],
    *,
    timeout_s: float,
    on_line: Callable[[str], None] | None = None,
    errors_too: bool = True,
    environment: Mapping[str, str] | None = None,
) -> CommandResult:
    """Run a program to its end. Blocks; nobody can type into it.

    Out of time, it is killed with everything it started: `subprocess` alone would wait on for a grandchild that
    holds the pipe, such as the browser below its wrapper script.

    Args:
        command: The program and its arguments.
        timeout_s: Longest time it may take, in seconds.
        on_line: Called with each line as it comes, from another thread.
        errors_too: Read its standard error as well.
        environment: Its environment instead of ours.
    """
    lines: list[str] = []
    try:
        process = subprocess.Popen(  # noqa: S603 - callers pass fixed programs, never a shell line
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors_too else subprocess.DEVNULL,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return CommandResult(None, (), f"cannot be started: {error.strerror}")

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if on_line is not None:
                on_line(lines[-1])

    with process:
        reader = threading.Thread(target=read, name=f"output of {command[0]}", daemon=True)
        reader.start()
        problem = ""
        identity = identify(process.pid)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            problem = f"took longer than {timeout_s:g} s and was killed"
        finally:
            if identity is not None and (problem or process.returncode is None):
                kill_tree(identity, _KILL_TIMEOUT_S)
            reader.join(_KILL_TIMEOUT_S)
    return CommandResult(None if problem else process.returncode, tuple(lines), problem)
