"""Fixtures for tests of node types: servers for them to talk to."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator

import pytest

from tests.site.api import Api, serve_api


@pytest.fixture(scope="session")
async def api_server() -> AsyncIterator[Api]:
    """The API server, shared by all tests."""
    async with serve_api() as api:
        yield api


@pytest.fixture
def api(api_server: Api) -> Api:
    """The API server, with nothing received yet."""
    api_server.received.clear()
    api_server.attempts = 0
    return api_server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's certificate that nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    key, file = folder / "key.pem", folder / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(key), "-out", str(file), "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key)
    return context
