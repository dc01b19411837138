"""The node that sends an e-mail, through a real mail server."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.conftest import RunSteps
from tests.running import Outcome


@dataclass
class Mailbox:
    """A mail server's address, and what it took."""

    port: int = 0
    mails: list[tuple[str | None, list[str], EmailMessage]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the server's name and shape for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        assert server.transport is not None
        self.secure.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 taken as 42"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append(given.login.decode())
        return AuthResult(success=given.password == b"secret", handled=False)


async def serve(
    mailbox: Mailbox, *, implicit: ssl.SSLContext | None = None, **options: Any
) -> asyncio.Server:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, enable_SMTPUTF8=True, hostname="localhost", **options),
        "127.0.0.1",
        0,
        ssl=implicit,
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    return server


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    server = await serve(mailbox)
    yield mailbox
    server.close()
    await server.wait_closed()


def mail(port: int, **more: Any) -> dict[str, Any]:
    return {
        "smtpHost": "127.0.0.1",
        "smtpPort": port,
        "from": "Ada <ada@example.com>",
        "to": "grace@example.com",
        "subject": "Hello",
        "body": "Text",
        **more,
    }


async def send(
    run_steps: RunSteps, port: int, *, given: dict[str, Any] | None = None, options: Any = None, **more: Any
) -> Outcome:
    return await run_steps(("email", mail(port, **more)), data=given, open_browser=False, **(options or {}))


async def test_a_mail_arrives(run_steps: RunSteps, mailbox: Mailbox) -> None:
    outcome = await send(
        run_steps,
        mailbox.port,
        smtpHost="${data.host}",
        to="${data.to}, Second <second@example.com>",
        cc="copy@example.com",
        bcc="hidden@example.com, grace@example.com",
        subject="Hello ${data.name}",
        body="Dear ${data.name},\nžluť",
        given={"host": "127.0.0.1", "to": "grace@example.com", "name": "Grácie"},
    )

    sender, recipients, message = mailbox.mails[0]
    everyone = ["grace@example.com", "second@example.com", "copy@example.com", "hidden@example.com"]
    assert (sender, recipients) == ("ada@example.com", everyone)
    assert (message["From"], message["Cc"]) == ("Ada <ada@example.com>", "copy@example.com")
    assert message["To"] == "grace@example.com, Second <second@example.com>"
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello Grácie"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == ["Dear Grácie,", "žluť"]
    result = outcome.data["emailResult"]
    assert set(result) == {"messageId", "accepted", "rejected", "response", "duration", "timestamp"}
    assert (result["accepted"], result["rejected"]) == (everyone, [])
    assert result["messageId"] == message["Message-ID"]
    assert result["response"] == "250 taken as 42"
    assert mailbox.logins == []


async def test_html(run_steps: RunSteps, mailbox: Mailbox) -> None:
    outcome = await send(
        run_steps, mailbox.port, bodyType="html", body="<b>Hi</b>", contextKey="sent", timeout=5000
    )

    message = mailbox.mails[0][2]
    assert (message.get_content_type(), message.get_content().strip()) == ("text/html", "<b>Hi</b>")
    assert outcome.data["sent"]["accepted"] == ["grace@example.com"]


async def test_an_empty_body(run_steps: RunSteps, mailbox: Mailbox) -> None:
    await send(run_steps, mailbox.port, body=None)

    assert mailbox.mails[0][2].get_content().strip() == ""


async def test_without_a_sender(run_steps: RunSteps, mailbox: Mailbox) -> None:
    await send(run_steps, mailbox.port, **{"from": None})

    assert mailbox.mails[0][0] == "<>"
    assert mailbox.mails[0][2]["From"] is None


async def test_some_recipients_are_refused(run_steps: RunSteps, mailbox: Mailbox) -> None:
    outcome = await send(run_steps, mailbox.port, to="nobody@example.com, grace@example.com")

    assert outcome.data["emailResult"]["accepted"] == ["grace@example.com"]
    assert outcome.data["emailResult"]["rejected"] == ["nobody@example.com"]


async def test_all_recipients_are_refused(run_steps: RunSteps, mailbox: Mailbox) -> None:
    outcome = await send(run_steps, mailbox.port, to="nobody@example.com")

    assert outcome.error is not None
    assert outcome.error.code == "SMTP_FAILED"
    assert "nobody@example.com: 550 no such user" in outcome.error.message
    assert "emailResult" not in outcome.data


async def test_line_breaks_make_no_headers(run_steps: RunSteps, mailbox: Mailbox) -> None:
    await send(run_steps, mailbox.port, subject="${data.title}", given={"title": "One\r\nBcc: x@example.com"})

    _, recipients, message = mailbox.mails[0]
    assert recipients == ["grace@example.com"]
    assert message["Subject"] == "One Bcc: x@example.com"


@pytest.mark.parametrize("password", ["secret", "wrong"])
async def test_login(run_steps: RunSteps, password: str) -> None:
    mailbox = Mailbox()
    server = await serve(mailbox, authenticator=mailbox.authenticate, auth_require_tls=False)
    outcome = await send(
        run_steps,
        mailbox.port,
        smtpUser="${data.user}",
        smtpPass="${data.pass}",
        given={"user": "ada@example.com", "pass": password},
        **{"from": None},
    )
    server.close()
    await server.wait_closed()

    assert set(mailbox.logins) == {"ada@example.com"}
    if password == "secret":
        assert outcome.error is None
        assert mailbox.mails[0][0] == "ada@example.com"
    else:
        assert outcome.error is not None
        assert "535" in outcome.error.message


@pytest.mark.parametrize("implicit", [True, False])
async def test_tls(run_steps: RunSteps, certificate: ssl.SSLContext, implicit: bool) -> None:
    mailbox = Mailbox()
    options = {} if implicit else {"tls_context": certificate, "require_starttls": True}
    server = await serve(mailbox, implicit=certificate if implicit else None, **options)
    trusting = await send(run_steps, mailbox.port, smtpSecure=implicit, options={"ignore_https_errors": True})
    doubting = await send(run_steps, mailbox.port, smtpSecure=implicit)
    server.close()
    await server.wait_closed()

    assert trusting.error is None
    assert mailbox.secure == [True]
    assert doubting.error is not None
    assert doubting.error.code == "SMTP_FAILED"
    assert "certificate" in doubting.error.message


FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no host": ({"smtpHost": None}, "NODE_PROPERTY_INVALID", "Property 'smtpHost' is required"),
    "no recipient": ({"to": ""}, "NODE_PROPERTY_INVALID", "Property 'to' is required"),
    "no subject": ({"subject": None}, "NODE_PROPERTY_INVALID", "Property 'subject' is required"),
    "no address": ({"cc": "Grace"}, "NODE_PROPERTY_INVALID", "Property 'cc' holds something else"),
    "unknown body type": ({"bodyType": "rtf"}, "NODE_PROPERTY_INVALID", "it can be: text, html"),
    "no login there": ({"smtpUser": "a", "smtpPass": "b"}, "SMTP_FAILED", "Mail server 127.0.0.1"),
}


@pytest.mark.parametrize(("more", "code", "message"), FAILURES.values(), ids=FAILURES)
async def test_failures(
    run_steps: RunSteps, mailbox: Mailbox, more: dict[str, Any], code: str, message: str
) -> None:
    outcome = await send(run_steps, mailbox.port, **more)

    assert outcome.error is not None
    assert (outcome.error.code, message in outcome.error.message) == (code, True), outcome.error.message
    assert mailbox.mails == []


async def test_nothing_listens(run_steps: RunSteps) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outcome = await send(run_steps, port)

    assert outcome.error is not None
    assert outcome.error.code == "SMTP_FAILED"


async def test_a_server_that_says_nothing(run_steps: RunSteps) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outcome = await send(run_steps, silent.getsockname()[1], timeout=100)

    assert outcome.error is not None
    assert outcome.error.code == "NODE_TIMEOUT"


async def test_only_allowed_hosts_are_used(run_steps: RunSteps, mailbox: Mailbox) -> None:
    outcome = await send(run_steps, mailbox.port, options={"reachable_hosts": ("mail.example.com",)})

    assert outcome.error is not None
    assert outcome.error.code == "NETWORK_REFUSED"
    assert mailbox.mails == []
