"""Node types that the format has and this version does not run yet: listed, and refused when reached."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from nodes.context import NodeRun
from nodes.errors import NotSupportedError
from nodes.model import NodeData
from nodes.registry import NodeType

__all__ = ["UNSUPPORTED_TYPES", "UnsupportedType"]


class UnsupportedType(NodeType[NodeData]):
    """A node type that fails when it is reached."""

    supported: ClassVar[bool] = False
    uses_page: ClassVar[bool] = False

    async def run(self, data: NodeData, run: NodeRun) -> None:  # noqa: ARG002 - every node type takes both
        """Fail.

        Raises:
            NotSupportedError: Always.
        """
        raise NotSupportedError(
            f"Node type '{self.name}' is not supported yet by this version of Batchwright "
            f"(node '{run.node.label or run.node.id}')"
        )


def _declare(name: str, category: str, title: str, summary: str) -> type[NodeType[Any]]:
    """A class for one such type."""
    identifier = title.replace(" ", "")
    values = {"name": name, "title": title, "category": category, "__doc__": summary, "__module__": __name__}
    return type(identifier, (UnsupportedType,), values)


UNSUPPORTED_TYPES: Final = (
    _declare("javascriptCode", "code", "JavaScript Code", "Run JavaScript in the runner."),
    _declare("apiRequest", "api", "API Request", "Send an HTTP request and store the response."),
    _declare("apiCurl", "api", "API Curl", "Send the HTTP request that a curl command describes."),
    _declare("webhook", "api", "Webhook", "Call a URL with retries."),
    _declare("dbConnect", "database", "DB Connect", "Open a database connection."),
    _declare("dbDisconnect", "database", "DB Disconnect", "Close a database connection."),
    _declare("dbQuery", "database", "DB Query", "Run a query and store its rows."),
    _declare("dbTransactionBegin", "database", "DB Transaction Begin", "Begin a transaction."),
    _declare("dbTransactionCommit", "database", "DB Transaction Commit", "Commit the open transaction."),
    _declare("dbTransactionRollback", "database", "DB Transaction Rollback", "Undo the open transaction."),
    _declare("csvHandle", "data", "CSV Handle", "Read or write a CSV file."),
    _declare("dataExtractor", "data", "Data Extractor", "Extract one row for each container element."),
    _declare("smartExtractor", "data", "Smart Extractor", "Extract links, images, tables or repeated items."),
    _declare("email", "messages", "Email", "Send an e-mail."),
    _declare("slack", "messages", "Slack", "Send a message to Slack."),
    _declare("example.fillForm", "examples", "Fill Form", "Fill several fields."),
    _declare("example.scrollTo", "examples", "Scroll To", "Scroll to an element."),
)
"""All of them."""
