"""Where secrets come from, and how workflows name them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from nodes.errors import ConfigurationError
from nodes.interpolation import interpolate, interpolate_deep
from nodes.secrets import KEYRING_SERVICE, SecretMissingError, Secrets, load_secrets


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library has no types there
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[Ring]:
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def write(folder: Path, text: str) -> Path:
    file = folder / "secrets.env"
    file.write_text(text, "utf-8")
    return file


def test_variables_with_the_prefix_are_secrets() -> None:
    secrets = load_secrets(environ={"BATCHWRIGHT_SECRET_PASSWORD": "hunter2", "HOME": "/root"})

    assert dict(secrets) == {"PASSWORD": "hunter2"}


def test_everything_in_the_file_is_a_secret(tmp_path: Path) -> None:
    file = write(tmp_path, "# login\nUSER=ada\nPASSWORD='p$ss ${USER}'\nexport TOKEN=\"a b\"\n")

    assert dict(load_secrets(file=file, environ={})) == {
        "USER": "ada",
        "PASSWORD": "p$ss ${USER}",
        "TOKEN": "a b",
    }


def test_the_environment_wins_over_the_file_and_the_file_over_the_keyring(tmp_path: Path, ring: Ring) -> None:
    for name in ("A", "B", "C", "D"):
        ring.set_password(KEYRING_SERVICE, name, "ring")
    file = write(tmp_path, "A=file\nB=file\nC=file\n")
    environ = {"BATCHWRIGHT_SECRET_A": "prefixed", "A": "plain", "B": "plain"}

    secrets = load_secrets(file=file, names=["A", "B", "C", "D"], environ=environ)

    assert dict(secrets) == {"A": "prefixed", "B": "plain", "C": "file", "D": "ring"}


@pytest.mark.usefixtures("ring")
def test_a_declared_secret_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(
        ConfigurationError, match=r"'TOKEN' is nowhere.*keyring set batchwright TOKEN"
    ) as caught:
        load_secrets(names=["TOKEN"], environ={})
    assert caught.value.field == "secrets"


def test_without_the_keyring_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'batchwright\[keyring\]'"):
        load_secrets(names=["TOKEN"], environ={})


@pytest.mark.parametrize(
    ("text", "words"),
    [("A-B=1\n", "'A-B' cannot name a secret"), ("LONELY\n", "'LONELY' has no value")],
)
def test_a_bad_line_of_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_secrets(file=write(tmp_path, text), environ={})


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.env cannot be read: No such file"):
        load_secrets(file=tmp_path / "nothing.env", environ={})
    binary = tmp_path / "binary.env"
    binary.write_bytes(b"A=\xff\xfe")
    with pytest.raises(ConfigurationError, match="no UTF-8 text"):
        load_secrets(file=binary, environ={})


def test_references_are_replaced_in_the_same_pass_as_the_others() -> None:
    secrets = Secrets({"KEY": "${data.x}"})

    assert interpolate("${secrets.KEY} ${data.x}", {"x": "1"}, {}, secrets) == "${data.x} 1"
    assert interpolate("${data.y}", {"y": "${secrets.KEY}"}, {}, secrets) == "${secrets.KEY}"
    assert interpolate_deep({"a": ["${secrets.KEY}"]}, {}, {}, secrets) == {"a": ["${data.x}"]}


def test_without_secrets_at_hand_a_reference_stays() -> None:
    assert interpolate("${secrets.KEY}", {}, {}) == "${secrets.KEY}"


def test_a_missing_secret_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SecretMissingError, match="BATCHWRIGHT_SECRET_KEY") as caught:
        interpolate("x ${secrets.KEY}", {}, {}, Secrets())
    assert (caught.value.code, caught.value.secret_name) == ("SECRET_MISSING", "KEY")


def test_what_is_written_to_files_has_marks_instead_of_values() -> None:
    secrets = Secrets({"KEY": "hunter2", "LONG": "hunter2-long"})
    plain = {"a": ["hunter2-long and hunter2, ${secrets.KEY}"], "hunter2": 1}

    hidden = secrets.hide(plain)

    assert "hunter2" not in json.dumps(hidden)
    assert "${secrets.KEY}" in hidden["a"][0]
    assert secrets.show(hidden) == plain
    assert Secrets().show(hidden) == hidden


def test_nothing_shows_values() -> None:
    assert "hunter2" not in repr(Secrets({"KEY": "hunter2"}))
