"""Scanning, reading files, artifacts, plugins and the rest against a real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from server.app import create_app
from server.plugins import LoadedPlugin
from server.settings import ServerSettings
from tests.batches.runs import passing
from tests.server.api import EXECUTE, EXECUTION, Api

SCAN = "/api/workflows/scan"
READ = "/api/files/read"


async def test_scanning_a_folder(api: Api) -> None:
    api.write("flows/b.json", passing())
    api.write("flows/a/x.json", passing())
    api.write("flows/c.json", "[]")
    rows = await api.get(f"{SCAN}?folderPath=flows&recursive=true")
    assert rows == [
        {"fileName": "x.json", "filePath": "a/x.json", "isValid": True, "workflow": passing()},
        {"fileName": "b.json", "filePath": "b.json", "isValid": True, "workflow": passing()},
        {
            "fileName": "c.json",
            "filePath": "c.json",
            "isValid": False,
            "validationErrors": rows[2]["validationErrors"],
        },
    ]
    assert rows[2]["validationErrors"]
    named = await api.get(f"{SCAN}?folderPath={api.root / 'flows'}&pattern=B*")
    assert [row["fileName"] for row in named] == ["b.json"]


async def test_folders_that_are_none(api: Api) -> None:
    api.write("file.json", passing())
    for name in ("missing", "file.json", "x" * 300):
        answer = await api.get(f"{SCAN}?folderPath={name}", status=404)
        assert (answer["code"], answer["field"]) == ("FOLDER_NOT_FOUND", "folderPath")
        refused = await api.execute(status=404, folderPath=name)
        assert (refused["error"], refused["field"]) == ("Failed to execute workflow", "folderPath")
    assert (await api.get(SCAN, status=400))["field"] == "folderPath"


async def test_paths_outside_the_roots_are_refused(
    api: Api, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.json").write_text('{"nodes": "secret"}')
    (api.root / "flows").mkdir()
    (api.root / "flows" / "link.json").symlink_to(outside / "secret.json")
    (api.root / "way").symlink_to(outside)
    for path in ("..", "../..", "/", str(outside), "way", "flows/../../"):
        for query in (f"{SCAN}?folderPath={path}", f"{READ}?filePath={path}"):
            answer = await api.get(query, status=403)
            assert answer["code"] == "PATH_NOT_ALLOWED"
            assert str(outside) not in answer["message"].replace(path, "")
        assert (await api.execute(status=403, folderPath=path))["field"] == "folderPath"
        options = {"workflow": passing(), "outputPath": path}
        assert (await api.execute(status=403, **options))["field"] == "outputPath"
        report = {"enabled": True, "outputPath": path}
        answer = await api.execute(status=403, workflow=passing(), reportConfig=report)
        assert answer["field"] == "reportConfig.outputPath"
    for path in ("way/secret.json", "flows/link.json", "..%2Foutside0%2Fsecret.json", "/etc/passwd"):
        await api.get(f"{READ}?filePath={path}", status=403)
    rows = await api.get(f"{SCAN}?folderPath=flows")
    assert [(row["isValid"], row["validationErrors"]) for row in rows] == [
        (False, ["is a link that leads outside the allowed folders"])
    ]
    assert (await api.execute(status=400, folderPath="flows"))["error"] == "No valid workflows found"


async def test_reading_files(api: Api) -> None:
    api.write("a/b.json", '{"a": 1}')
    api.write("list.json", "[1]")
    api.write("text.txt", "hello")
    assert await api.get(f"{READ}?filePath=a/b.json") == {"content": '{"a": 1}', "parsed": {"a": 1}}
    assert (await api.get(f"{READ}?filePath={api.root / 'list.json'}"))["error"]
    text = await api.get(f"{READ}?filePath=text.txt")
    assert text["content"] == "hello"
    assert "not valid JSON" in text["error"]
    for missing in ("none.json", "a", "x" * 300):
        assert (await api.get(f"{READ}?filePath={missing}", status=404))["field"] == "filePath"
    for wrong in ("", "?filePath=", "?filePath=a%00b"):
        assert (await api.get(READ + wrong, status=400))["field"] == "filePath"
    assert "no NUL characters" in (await api.get(f"{READ}?filePath=a%00b", status=400))["message"]


async def test_a_file_that_is_too_large_is_refused(api: Api) -> None:
    with (api.root / "large.json").open("wb") as file:
        file.truncate(11 * 1024 * 1024)
    assert (await api.get(f"{READ}?filePath=large.json", status=413))["code"] == "FILE_TOO_LARGE"


async def test_artifacts_are_served_with_their_kind(api: Api) -> None:
    answer = await api.execute(workflow=passing())
    state = await api.over(answer["batchId"])
    folder = f"batches/{state.batch_id}/{answer['executionId']}"
    for name, kind, disposition in (
        ("screenshots/a b.png", "image/png", "inline"),
        ("videos/v.webm", "video/webm", "inline"),
        ("downloads/page.html", "text/html; charset=utf-8", "attachment"),
        ("downloads/x.svg", "image/svg+xml", "attachment"),
        ("downloads/unknown", "application/octet-stream", "attachment"),
        ("snapshots/s.json", "application/json; charset=utf-8", "inline"),
    ):
        api.write(f"output/{folder}/{name}", "content")
        for prefix in ("/artifacts/", "/reports/"):
            async with api.session.get(f"{prefix}{folder}/{name}") as found:
                assert (found.status, await found.text()) == (200, "content")
                assert found.headers["Content-Type"] == kind
                assert found.headers["Content-Disposition"].startswith(f"{disposition}; filename=")
                assert found.headers["X-Content-Type-Options"] == "nosniff"
                assert ("sandbox" in found.headers.get("Content-Security-Policy", "")) is (
                    disposition == "attachment"
                )
    async with api.session.get(f"/artifacts/{folder}/videos/v.webm", headers={"Range": "bytes=1-3"}) as part:
        assert (part.status, await part.text()) == (206, "ont")
    async with api.session.head(f"/artifacts/{folder}/videos/v.webm") as head:
        assert (head.status, head.headers["Content-Length"]) == (200, "7")


async def test_nothing_but_artifacts_is_served(api: Api) -> None:
    answer = await api.execute(workflow=passing())
    await api.over(answer["batchId"])
    batch = f"batches/{answer['batchId']}"
    (api.root / "secret.txt").write_text("secret")
    api.write(f"output/{batch}/{answer['executionId']}/a.txt", "content")
    for path in (
        "index.json",
        f"{batch}/batch.json",
        f"{batch}/events.jsonl",
        f"{batch}/{answer['executionId']}",
        f"{batch}/{answer['executionId']}/none.png",
        f"{batch}/{answer['executionId']}/..%2F..%2F..%2F..%2Fsecret.txt",
        "..%2Fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "%2Fetc%2Fpasswd",
        "a%00b",
    ):
        for prefix in ("/artifacts/", "/reports/x%2F..%2F..%2F", "/reports/"):
            async with api.session.get(prefix + path) as answer_:
                assert answer_.status == 404, prefix + path
                assert answer_.content_type == "application/json"
    for path in ("..%2F..%2F..%2Fetc/passwd", "x/..%2F..%2F..%2Fsecret.txt"):
        await api.get(f"/api/reports/{path.replace('/', '/json/', 1)}", status=404)


async def test_system_info_and_port(shared: Api) -> None:
    info = await shared.get("/api/system-info")
    assert (info["os"], info["ramTotal"] > info["ramFree"] > 0) == ("linux", True)
    assert info["nodeVersion"].startswith("Python 3")
    async with shared.session.get("/.automflows-port") as answer:
        assert await answer.text() == str(shared.server.port)


async def test_plugins(shared: Api) -> None:
    assert await shared.get("/api/plugins") == []
    answer = await shared.get("/api/plugins/none", status=404)
    assert (answer["error"], answer["field"]) == ("Plugin not found", "pluginId")


class OnePlugin:
    def loaded(self) -> list[LoadedPlugin]:
        return [LoadedPlugin("shop", {"name": "Shop"}, Path("plugins/shop"))]


async def test_a_plugin_that_is_loaded(api: Api) -> None:
    app = create_app(api.service, ServerSettings(), plugins=OnePlugin())
    shown = {"id": "shop", "manifest": {"name": "Shop"}, "path": "plugins/shop", "loaded": True}
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/api/plugins")).json() == [shown]
        assert await (await client.get("/api/plugins/shop")).json() == shown


async def test_unknown_routes_and_methods_answer_in_json(shared: Api) -> None:
    answer = await shared.get("/api/none", status=404)
    assert (answer["error"], answer["code"]) == ("Not found", "NO_ROUTE")
    await shared.get("/none", status=404)
    async with shared.session.put(EXECUTE) as put:
        assert (put.status, put.headers["Allow"]) == (405, "POST")
        assert (await put.json())["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "INVALID_JSON"),
        (b"[]", "INVALID_JSON"),
        (b"null", "INVALID_JSON"),
        (b'{"a": NaN}', "INVALID_JSON"),
        (b"\xff\xfe\x00", "INVALID_JSON"),
        (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "INVALID_JSON"),
    ],
)
async def test_bodies_that_are_no_json_object(shared: Api, content: bytes, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await shared.call("POST", EXECUTE, status=400, data=content, headers=headers)
    assert answer["code"] == code
    assert answer["error"] == "Invalid JSON"
    stop = await shared.call("POST", f"{EXECUTION}/stop", status=400, data=content, headers=headers)
    assert (stop["success"], stop["code"]) == (False, code)


async def test_bodies_of_another_kind_are_refused(shared: Api) -> None:
    for kind in ("text/plain", "application/xml", "application/octet-stream"):
        answer = await shared.call("POST", EXECUTE, status=415, data=b"{}", headers={"Content-Type": kind})
        assert answer["code"] == "UNSUPPORTED_MEDIA_TYPE"
