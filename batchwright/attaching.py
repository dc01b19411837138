"""``batchwright attach``: the debugger's prompt for an execution on a server."""

from __future__ import annotations

from batchwright.client import AsyncClient
from batchwright.client_models import ServerUnreachableError
from batchwright.console import make_console, print_error
from batchwright.debug_prompt import Lines, Prompt
from batchwright.debug_remote import RemoteTarget
from batchwright.debug_target import TargetError
from batchwright.exit_codes import ExitCode

__all__ = ["attach"]


async def attach(execution_id: str, server: str, token: str | None) -> ExitCode:
    """Debug an execution until it is over; errors are printed.

    Args:
        execution_id: The execution, by id or number.
        server: The server's address.
        token: Its token.
    """
    console = make_console()
    try:
        async with AsyncClient(server, token=token) as client:
            target = RemoteTarget(client, execution_id)
            await target.check()
            console.print(f"Attached to {execution_id}; waiting for a pause.", markup=False)
            await Prompt(target, console, Lines()).run()
    except (TargetError, ServerUnreachableError) as error:
        print_error(console, str(error))
        return ExitCode.USAGE
    console.print(f"{execution_id} is over.", markup=False)
    return ExitCode.OK
