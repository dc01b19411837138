"""Who is answered: Host, token, Origin and CORS against a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from server.security import admits
from server.settings import ServerSettings
from tests.batches.runs import passing
from tests.server.api import EXECUTE, EXECUTION, Api, serving

PATHS = (
    "/api/workflows/executions/active",
    "/api/none",
    "/api-docs.json",
    "/healthz",
    "/metrics",
    "/reports/x/y",
    "/socket.io/?EIO=4&transport=polling",
)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3003", "127.0.0.1.evil.example", "", "10.0.0.7", "a@localhost"]
)
async def test_a_foreign_host_is_refused_everywhere(shared: Api, host: str) -> None:
    for path in PATHS:
        answer = await shared.get(path, headers={"Host": host}, status=421)
        assert answer["code"] == "HOST_NOT_ALLOWED"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:3003"])
async def test_names_of_this_machine_are_answered(shared: Api, host: str) -> None:
    await shared.get("/api/workflows/executions/active", headers={"Host": host})


async def test_further_hosts_can_be_allowed(tmp_path: Path) -> None:
    async with serving(tmp_path, allowed_hosts=("runner.example",)) as api:
        await api.get("/healthz", headers={"Host": "runner.example:8080"})
        await api.get("/healthz", headers={"Host": "other.example"}, status=421)


async def test_the_token_is_needed_everywhere_but_for_probes(tmp_path: Path) -> None:
    async with serving(tmp_path, token="s3cret-token") as api:
        for path in PATHS:
            if path != "/healthz" and not path.startswith("/socket.io/"):
                answer = await api.get(path, status=401)
                assert answer["code"] == "TOKEN_REQUIRED"
        await api.get("/healthz")
        await api.execute(status=401, workflow=passing())
        for headers in (
            {"Authorization": "Bearer s3cret-token"},
            {"Authorization": "bearer s3cret-token"},
            {"X-API-Key": "s3cret-token"},
            {"Cookie": "batchwright_token=s3cret-token"},
        ):
            await api.get("/api/workflows/executions/active", headers=headers)
        for headers in (
            {"Authorization": "Bearer wrong"},
            {"X-API-Key": "s3cret-token2"},
            {"X-API-Key": "\xe4"},
        ):
            await api.get("/api/workflows/executions/active", headers=headers, status=401)
        async with api.session.get("/api/none") as answer:
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        async with api.session.get("/api-docs") as page:
            assert page.status == 200


async def test_pages_of_other_origins_change_nothing(api: Api) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://["):
        answer = await api.post(EXECUTE, {"workflow": passing()}, headers={"Origin": origin}, status=403)
        assert answer["code"] == "ORIGIN_NOT_ALLOWED"
        async with api.session.get("/api/plugins", headers={"Origin": origin}) as read:
            assert "Access-Control-Allow-Origin" not in read.headers
    assert api.service.recent() is None
    own = {"Origin": api.server.url}
    await api.post(f"{EXECUTION}/stop-all", headers=own)


async def test_cors_is_off_unless_configured(shared: Api) -> None:
    headers = {"Origin": "https://panel.example", "Access-Control-Request-Method": "POST"}
    async with shared.session.options(EXECUTE, headers=headers) as answer:
        assert answer.status == 405
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("allowed", ["https://panel.example", "*"])
async def test_configured_origins_may_call(tmp_path: Path, allowed: str) -> None:
    async with serving(tmp_path, cors_origins=(allowed,), token="t0ken") as api:
        origin = {"Origin": "https://panel.example"}
        preflight = origin | {"Access-Control-Request-Method": "POST"}
        async with api.session.options(EXECUTE, headers=preflight) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, origin["Origin"])
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
        headers = origin | {"X-API-Key": "t0ken"}
        async with api.session.post(EXECUTE, json={"workflow": passing()}, headers=headers) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, origin["Origin"])
            assert answer.headers["Vary"] == "Origin"
        async with api.session.get("/api/none", headers=origin) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, origin["Origin"])


async def test_answers_are_not_stored_or_guessed_at(shared: Api) -> None:
    async with shared.session.get("/api/plugins") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "more", "status"),
    [
        ({"Host": "localhost"}, {"token": "t"}, None),
        ({"Host": "localhost"}, {}, 401),
        ({"Host": "localhost"}, {"token": "x"}, 401),
        ({"Host": "localhost", "Origin": "http://localhost"}, {"token": "t"}, None),
        ({"Host": "localhost", "Origin": "http://evil"}, {"token": "t"}, 403),
        ({"Host": "localhost", "Origin": "http://evil"}, {"token": "t", "changes": False}, None),
        ({"Host": "evil"}, {"token": "t"}, 421),
        ({}, {"token": "t"}, 421),
    ],
)
def test_a_handshake_is_judged_like_a_request(
    headers: dict[str, str], more: dict[str, Any], status: int | None
) -> None:
    refusal = admits(ServerSettings(token=SecretStr("t")), headers, **more)
    assert (refusal.status if refusal else None) == status


def test_addresses_count_where_other_machines_may_call() -> None:
    open_to_all = ServerSettings(host="0.0.0.0", token=SecretStr("t"))
    for host, status in (("10.0.0.7:3003", None), ("[fd00::1]", None), ("evil.example", 421)):
        refusal = admits(open_to_all, {"Host": host}, token="t")
        assert (refusal.status if refusal else None) == status
