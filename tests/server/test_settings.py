from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from typer.core import TyperGroup
from typer.main import get_command

from batchwright.cli import app
from nodes.field_docs import field_texts
from server.settings import ENV_PREFIX, ServerSettings, is_loopback, option_name
from server.settings_sources import OriginKind, SettingsError, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and variables without settings."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(options: dict[str, object] | None = None, config: Path | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(options, config=config)
    return caught.value


def test_defaults(tmp_path: Path) -> None:
    loaded = load_settings()
    settings = loaded.settings
    assert (settings.host, settings.port, settings.drain_s) == ("127.0.0.1", 3003, 0)
    assert settings.workers >= 2
    assert (settings.output, settings.roots) == (tmp_path / "output", (tmp_path,))
    assert {str(origin) for origin in loaded.origins.values()} == {"default"}
    assert set(loaded.origins) == set(ServerSettings.model_fields)


def test_options_win_over_variables_over_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "batchwright.toml").write_text("port = 1\nworkers = 1\nkeep_days = 1.5\n")
    monkeypatch.setenv("BATCHWRIGHT_PORT", "2")
    monkeypatch.setenv("BATCHWRIGHT_WORKERS", "2")
    loaded = load_settings({"port": 3, "host": None})
    settings, origins = loaded.settings, loaded.origins
    assert (settings.port, settings.workers, settings.keep_days) == (3, 2, 1.5)
    assert [str(origins[name]) for name in ("port", "workers", "keep_days", "host")] == [
        "--port",
        "BATCHWRIGHT_WORKERS",
        "batchwright.toml",
        "default",
    ]
    assert origins["workers"].kind is OriginKind.ENVIRONMENT


def test_lists_in_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BATCHWRIGHT_ROOTS", os.pathsep.join([str(tmp_path / "a,b"), "c"]))
    monkeypatch.setenv("BATCHWRIGHT_ALLOWED_HOSTS", "one.example, two.example ,")
    settings = load_settings().settings
    assert settings.roots == (tmp_path / "a,b", tmp_path / "c")
    assert settings.allowed_hosts == ("one.example", "two.example")


def test_paths_of_a_file_start_at_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "b.toml").write_text('output = "runs"\nroots = ["flows", "/srv"]\nworkers = "auto"\n')
    settings = load_settings(config=folder / "b.toml").settings
    assert (settings.output, settings.roots) == (folder / "runs", (folder / "flows", Path("/srv")))
    assert settings.workers >= 2


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHWRIGHT_TOKEN", "")
    assert load_settings().settings.token is None


def test_each_fault_names_field_and_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "batchwright.toml").write_text('keep_batches = 0\nlog_format = "xml"\n')
    monkeypatch.setenv("BATCHWRIGHT_PORT", "eighty")
    error = refused({"drain_s": -1.0})
    lines = dict(line.split(": ", 1) for line in error.message.splitlines())
    assert set(lines) == {
        "port (BATCHWRIGHT_PORT)",
        "keep_batches (batchwright.toml)",
        "log_format (batchwright.toml)",
        "drain_s (--drain)",
    }
    assert "'text' or 'json'" in lines["log_format (batchwright.toml)"]
    assert (error.code, error.field) == ("SETTINGS_INVALID", "port")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("prot = 1", "prot (batchwright.toml): there is no such setting; did you mean port?"),
        ("port = ", "batchwright.toml: is no TOML: "),
        (b"port = 1 # \xff", "batchwright.toml: cannot be read: "),
    ],
)
def test_a_faulty_file(tmp_path: Path, content: str | bytes, expected: str) -> None:
    raw = content.encode() if isinstance(content, str) else content
    (tmp_path / "batchwright.toml").write_bytes(raw)
    assert refused().message.startswith(expected)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    error = refused(config=tmp_path / "gone.toml")
    assert (error.field, "there is no such settings file" in error.message) == ("config", True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "runner.example"])
def test_other_machines_need_a_token(host: str) -> None:
    error = refused({"host": host})
    assert error.message.startswith(f"host (--host): host {host} can be reached from other machines")
    assert "BATCHWRIGHT_TOKEN" in error.message
    assert load_settings({"host": host, "token": "s3cret"}).settings.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_needs_none(host: str) -> None:
    assert is_loopback(host)
    assert load_settings({"host": host}).settings.token is None


@pytest.mark.parametrize("token", ["", "two words", "bell\a", "schlüssel"])
def test_tokens_that_no_header_can_carry(token: str) -> None:
    error = refused({"token": token})
    assert error.field == "token"
    assert not token or token not in error.message


def test_the_token_is_shown_nowhere() -> None:
    loaded = load_settings({"token": "s3cret"})
    shown = [value for name, value, _ in loaded.rows() if name == "token"]
    assert shown == ["********"]
    assert "s3cret" not in repr(loaded) + repr(loaded.rows())
    assert loaded.settings.token == SecretStr("s3cret")


def test_code_reads_neither_variables_nor_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "batchwright.toml").write_text("port = 1\n")
    monkeypatch.setenv("BATCHWRIGHT_WORKERS", "7")
    settings = ServerSettings(workers=3)
    assert (settings.port, settings.workers) == (3003, 3)
    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, "port", 4)  # noqa: B010 - the type checker would refuse it, too


def test_every_setting_has_an_option_and_a_meaning() -> None:
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    options = {name for item in commands.commands["serve"].params for name in item.opts}
    assert list(field_texts(ServerSettings)) == list(ServerSettings.model_fields)
    for name in ServerSettings.model_fields:
        assert option_name(name) in options
    assert len(options) == len(ServerSettings.model_fields) + len(["--config", "-w", "-o"])


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.text())


@given(options=st.dictionaries(st.sampled_from(sorted(ServerSettings.model_fields)), VALUES, max_size=4))
def test_any_values_are_taken_or_refused_by_name(options: dict[str, Any]) -> None:
    problem: SettingsError | None = None
    try:
        settings = load_settings(options).settings
    except SettingsError as error:
        problem = error
    if problem is None:
        assert settings.workers >= 1
        assert is_loopback(settings.host) or settings.token is not None
    else:
        assert problem.field in options
        assert f"{problem.field} ({option_name(problem.field)}): " in problem.message
