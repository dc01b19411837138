"""The node that sends an e-mail (nodes.md, ``email``)."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses, localtime, make_msgid
from typing import Annotated, ClassVar, Final

import aiosmtplib
from pydantic import Field

from nodes.blocks import TimeoutBlock
from nodes.choices import choose
from nodes.context import NodeRun
from nodes.errors import NodeDataError, NodeError, NodeTimeoutError
from nodes.http_body import utf8
from nodes.model import INTERPOLATED, REQUIRED, AbsentAs, Flag, LooseText, OneOf, Text
from nodes.registry import NodeType

__all__ = ["Email", "EmailData", "MailError"]

_LINE_BREAKS: Final = re.compile(r"[\r\n]+\s*")

_SUBTYPES: Final = {"text": "plain", "html": "html"}


class MailError(NodeError):
    """Raised when a mail server refuses a mail or cannot be reached."""

    code = "SMTP_FAILED"


class EmailData(TimeoutBlock):
    """The mail and the server that sends it."""

    smtp_host: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """Name of the mail server."""
    smtp_port: Annotated[int, AbsentAs(587)] = 587
    """Its port."""
    smtp_secure: Flag = False
    """Speak TLS from the first byte; without, the connection becomes TLS when the server offers it."""
    smtp_user: Annotated[LooseText, INTERPOLATED] = None
    """Name to log in with; no login without one."""
    smtp_pass: Annotated[LooseText, INTERPOLATED] = None
    """Password to log in with."""
    sender: Annotated[Text, INTERPOLATED, Field(alias="from")] = None
    """Sender, as an address or `Name <address>`; `smtpUser` if absent."""
    to: Annotated[Text, REQUIRED, INTERPOLATED] = None
    """Recipients, separated by commas."""
    cc: Annotated[Text, INTERPOLATED] = None
    """Recipients of a copy, separated by commas."""
    bcc: Annotated[Text, INTERPOLATED] = None
    """Recipients whom the others do not see, separated by commas."""
    subject: Annotated[LooseText, REQUIRED, INTERPOLATED] = None
    """Subject line."""
    body: Annotated[LooseText, INTERPOLATED] = None
    """The text."""
    body_type: Annotated[Text, OneOf(*_SUBTYPES)] = "text"
    """Whether `body` is plain text or HTML."""
    context_key: Text = "emailResult"
    """Key of `data` for the result."""


class Email(NodeType[EmailData]):
    """Send an e-mail and store who accepted it; it fails when the server takes it for none of the recipients."""

    name: ClassVar = "email"
    title: ClassVar = "Email"
    category: ClassVar = "messages"
    writes: ClassVar = ("emailResult",)
    uses_page: ClassVar = False

    async def run(self, data: EmailData, run: NodeRun) -> None:
        """Send the mail.

        Raises:
            NodeDataError: A property is missing, or an address cannot be understood.
            MailError: The server refuses, or cannot be reached.
            NodeTimeoutError: It does not answer in time.
            NetworkRefusedError: The network policy refuses the server.
        """
        host = run.require(data.smtp_host, "smtpHost").strip()
        run.settings.network.check_host(host)
        message, recipients = _message(data, run)
        sender = message["From"].addresses[0].addr_spec if message["From"] else ""
        began, clock = time.time(), time.perf_counter()
        refused, answer = await _send(data, run, message, (sender, recipients))
        run.data[data.context_key or "emailResult"] = {
            "messageId": message["Message-ID"],
            "accepted": [address for address in recipients if address not in refused],
            "rejected": list(refused),
            "response": f"250 {answer}".strip(),
            "duration": round((time.perf_counter() - clock) * 1000),
            "timestamp": int(began * 1000),
        }
        run.result = f"sent to {len(recipients) - len(refused)} of {len(recipients)}"


def _message(data: EmailData, run: NodeRun) -> tuple[EmailMessage, list[str]]:
    """The mail, and the addresses of all recipients without repetition."""
    message = EmailMessage(SMTP)
    to = _addresses(run.require(data.to, "to"), "to")
    cc, bcc = _addresses(data.cc, "cc"), _addresses(data.bcc, "bcc")
    sender = _addresses(data.sender, "from") or _login_address(data.smtp_user)
    if sender:
        message["From"] = sender[0]
    message["To"] = to
    if cc:
        message["Cc"] = cc
    message["Subject"] = _LINE_BREAKS.sub(" ", _sound(run.require(data.subject, "subject")))
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=(sender[0].domain if sender else "") or "localhost")
    subtype = choose(_SUBTYPES, data.body_type or "text", "bodyType")
    message.set_content(_sound(data.body or ""), subtype=subtype)
    return message, list(dict.fromkeys(address.addr_spec for address in (*to, *cc, *bcc)))


def _addresses(text: str | None, name: str) -> list[Address]:
    """The addresses of a comma-separated list.

    Raises:
        NodeDataError: One of them is no address.
    """
    addresses = []
    for shown, address in getaddresses([_LINE_BREAKS.sub(" ", text)]) if text and text.strip() else ():
        user, _, domain = address.rpartition("@")
        if not user or not domain or re.search(r"\s", address):
            raise NodeDataError(
                f"Property '{name}' holds something else than addresses: '{text}'", field=name
            )
        addresses.append(Address(_sound(shown), user, domain))
    return addresses


def _login_address(user: str | None) -> list[Address]:
    """The login as sender, if it is an address."""
    return _addresses(user, "smtpUser") if user and "@" in user else []


def _sound(text: str) -> str:
    return utf8(text).decode("utf-8")


async def _send(
    data: EmailData, run: NodeRun, message: EmailMessage, envelope: tuple[str, list[str]]
) -> tuple[Mapping[str, object], str]:
    """Hand the mail over; returns the refused recipients and the server's answer."""
    where = f"Mail server {data.smtp_host}:{data.smtp_port}"
    sender, recipients = envelope
    try:
        async with asyncio.timeout(data.timeout / 1000):
            return await aiosmtplib.send(
                message,
                sender=sender,
                recipients=recipients,
                hostname=(data.smtp_host or "").strip(),
                port=data.smtp_port,
                username=data.smtp_user or None,
                password=data.smtp_pass or "" if data.smtp_user else None,
                use_tls=data.smtp_secure,
                validate_certs=not run.settings.ignore_https_errors,
                local_hostname=socket.gethostname(),
                timeout=None,
            )
    except TimeoutError:
        raise NodeTimeoutError(f"{where} did not take the mail within {data.timeout:g} ms") from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        reasons = "; ".join(f"{item.recipient}: {item.code} {item.message}" for item in error.recipients)
        raise MailError(f"{where} refuses all recipients: {reasons}") from error
    except aiosmtplib.SMTPResponseException as error:
        raise MailError(f"{where} refuses: {error.code} {error.message}") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise MailError(f"{where}: {error}") from error
