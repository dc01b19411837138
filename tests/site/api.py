"""A server that answers API requests in known ways and remembers what it was asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from aiohttp import BodyPartReader, web


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Api:
    """The server's address, and what it received since the test began."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    attempts: int = 0

    @property
    def last(self) -> Received:
        return self.received[-1]


API = web.AppKey("API", Api)


async def _remember(request: web.Request) -> Received:
    headers = [(name.decode(), value.decode("utf-8")) for name, value in request.raw_headers]
    received = Received(request.method, request.raw_path, headers, await request.read())
    request.app[API].received.append(received)
    return received


async def echo(request: web.Request) -> web.Response:
    received = await _remember(request)
    return web.json_response(
        {
            "method": received.method,
            "target": received.target,
            "headers": {name.lower(): value for name, value in received.headers},
            "body": received.body.decode("utf-8", "replace"),
        },
        status=201,
        headers=[("X-Kind", "echo"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
    )


async def form(request: web.Request) -> web.Response:
    parts: list[dict[str, Any]] = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        content = await part.read()
        parts.append(
            {
                "name": part.name,
                "file": part.filename,
                "type": part.headers.get("Content-Type"),
                "content": content.decode(),
            }
        )
    return web.json_response({"parts": parts, "type": request.content_type})


async def text(request: web.Request) -> web.Response:
    """The text asked for, with the content type and charset asked for."""
    charset = request.query.get("charset", "utf-8")
    return web.Response(
        body=request.query["is"].encode(charset),
        headers={"Content-Type": f"text/plain; charset={request.query.get('says', charset)}"},
    )


async def status(request: web.Request) -> web.Response:
    return web.json_response({"code": request.match_info["code"]}, status=int(request.match_info["code"]))


async def redirect(request: web.Request) -> web.Response:
    await _remember(request)
    response = web.Response(status=int(request.query.get("code", "302")))
    response.headers["Location"] = request.query["to"]
    if "cookie" in request.query:
        response.set_cookie("step", request.query["cookie"])
    return response


async def slow(_request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response(text="late")


async def drops(request: web.Request) -> web.Response:
    """Close the connection without an answer the first ``times`` times."""
    api = request.app[API]
    api.attempts += 1
    if api.attempts <= int(request.query["times"]):
        assert request.transport is not None
        request.transport.close()
    return web.json_response({"attempt": api.attempts})


async def job(request: web.Request) -> web.Response:
    """A job that is done at the third look: 202 before, 200 then."""
    api = request.app[API]
    api.attempts += 1
    done = api.attempts >= int(request.query.get("after", "3"))
    state = "done" if done else "waiting"
    return web.json_response({"state": state, "seen": [api.attempts]}, status=200 if done else 202)


async def digest(request: web.Request) -> web.Response:
    received = await _remember(request)
    given = received.header("Authorization") or ""
    if not given.startswith("Digest "):
        challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})
    fields = dict(item.strip().split("=", 1) for item in given.removeprefix("Digest ").split(","))
    values = {name: value.strip('"') for name, value in fields.items()}
    first = md5(b"ada:r:secret").hexdigest()
    second = md5(f"{request.method}:{values['uri']}".encode()).hexdigest()
    whole = f"{first}:n:{values['nc']}:{values['cnonce']}:auth:{second}"
    return web.Response(status=200 if values["response"] == md5(whole.encode()).hexdigest() else 403)


async def large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    block = b"x" * (1 << 20)
    for _ in range(int(request.query["mib"])):
        await response.write(block)
    return response


async def zipped(_request: web.Request) -> web.Response:
    response = web.json_response({"zipped": True})
    response.enable_compression(web.ContentCoding.gzip)
    return response


async def around(_request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/around"})


def build_api(api: Api) -> web.Application:
    app = web.Application(client_max_size=1 << 26)
    app[API] = api
    app.add_routes(
        [
            web.route("*", "/echo{rest:.*}", echo),
            web.post("/form", form),
            web.get("/text", text),
            web.route("*", "/status/{code}", status),
            web.route("*", "/redirect", redirect),
            web.route("*", "/slow", slow),
            web.route("*", "/drops", drops),
            web.get("/job", job),
            web.route("*", "/digest", digest),
            web.get("/large", large),
            web.get("/around", around),
            web.get("/zipped", zipped),
        ]
    )
    return app


@asynccontextmanager
async def serve_api(certificate: ssl.SSLContext | None = None) -> AsyncIterator[Api]:
    """Serve on a free loopback port, with TLS if there is a certificate."""
    api = Api()
    runner = web.AppRunner(build_api(api), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate).start()
    api.url = f"{'https' if certificate else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()
