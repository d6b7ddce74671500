"""`qa key`: keys are shown once, stored as hashes, listed with their last use, and revoked."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from index.access.audience import Audience
from qa.cli.main import main
from qa.operate.keys import FILE_NAME, FORMAT, KeyRing, KeysError, Role, create_key, read_keys, revoke_key
from qa.state_files import FolderFiles
from tests.conftest import MakeFolder, RunProcess, StartServer


def test_a_key_is_printed_once_and_stored_as_its_hash(qa: RunProcess, tmp_path: Path) -> None:
    made = qa("--data", tmp_path, "key", "create", "--role", "write", "--name", "the importer")
    assert made.code == 0
    secret = made.stdout.strip()
    assert made.stdout == f"{secret}\n"
    assert len(secret.split("_", 2)[2]) >= 43
    path = tmp_path / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in path.read_text()
    assert secret.rpartition("_")[2] not in path.read_text()
    (key,) = json.loads(path.read_text())["keys"]
    assert key["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    listed = qa("--data", tmp_path, "key", "list", "--json").json()
    assert (listed["name"], listed["role"], listed["last_used"]) == ("the importer", "write", None)
    assert key["hash"] not in qa("--data", tmp_path, "key", "list").stdout


def test_a_key_is_revoked_by_name_or_id(qa: RunProcess, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        create_key(FolderFiles(tmp_path), name, Role.READ)
    first, second, _ = read_keys(FolderFiles(tmp_path))
    assert qa("--data", tmp_path, "key", "revoke", first.name).code == 0
    assert qa("--data", tmp_path, "key", "revoke", second.id).code == 0
    assert [key.name for key in read_keys(FolderFiles(tmp_path))] == ["three"]
    missing = qa("--data", tmp_path, "key", "revoke", "one")
    assert (missing.code, "Traceback" in missing.stderr) == (1, False)
    assert "qa key list" in missing.stderr


def test_rejects_duplicate_and_invalid_names(tmp_path: Path) -> None:
    create_key(FolderFiles(tmp_path), "me", Role.READ)
    for name in ("me", "", " ", "a\nb", "x" * 101, "\tx", "-x", "a/b"):
        with pytest.raises(KeysError):
            create_key(FolderFiles(tmp_path), name, Role.READ)


def test_last_use_is_known_after_the_server_has_stopped(
    qa: RunProcess, data_folder: MakeFolder, start_server: StartServer
) -> None:
    folder = data_folder()
    secret = create_key(FolderFiles(folder), "me", Role.READ)
    with start_server(folder) as running:
        assert running.request("GET", "/v1/documents", headers={"Authorization": f"Bearer {secret}"}).status == 200
    listed = qa("--data", folder, "key", "list", "--json").json()
    assert listed["last_used"] >= listed["created"]


def test_only_the_secret_itself_finds_the_key(tmp_path: Path) -> None:
    secret = create_key(FolderFiles(tmp_path), "me", Role.READ)
    ring = KeyRing(FolderFiles(tmp_path))
    (key,) = read_keys(FolderFiles(tmp_path))
    assert ring.find(secret) == key
    others = [
        "",
        "_",
        "__",
        secret.upper(),
        secret + "=",
        secret[:-1],
        key.hash,
        f"qtb_{key.id}_",
        f"x{secret}",
        "\udcff",
        "é" * 9,
    ]
    assert [other for other in others if ring.find(other)] == []
    revoke_key(FolderFiles(tmp_path), "me")
    assert ring.find(secret) is None


def test_keys_created_at_the_same_time_are_all_stored(tmp_path: Path) -> None:
    threads = [threading.Thread(target=create_key, args=(FolderFiles(tmp_path), f"key {n}", Role.READ)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_keys(FolderFiles(tmp_path))) == 20


@pytest.mark.parametrize("contents", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 1, "keys": [{"id": 1}]}', b"\xff"])
def test_a_damaged_file_is_an_error_and_accepts_no_key(tmp_path: Path, contents: bytes) -> None:
    secret = create_key(FolderFiles(tmp_path), "me", Role.READ)
    ring = KeyRing(FolderFiles(tmp_path))
    (tmp_path / FILE_NAME).write_bytes(contents)
    files = FolderFiles(tmp_path)
    for read in (lambda: read_keys(files), lambda: ring.find(secret), lambda: create_key(files, "x", Role.READ)):
        with pytest.raises(KeysError, match="damaged"):
            read()


def test_a_newer_format_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps({"format": FORMAT + 1, "keys": []}))
    with pytest.raises(KeysError, match="install"):
        read_keys(FolderFiles(tmp_path))


def test_a_key_with_the_removed_role_admin_works_as_write(tmp_path: Path) -> None:
    secret = create_key(FolderFiles(tmp_path), "operator", Role.WRITE)
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text().replace('"write"', '"admin"'))
    key = KeyRing(FolderFiles(tmp_path)).find(secret)
    assert key
    assert key.role is Role.WRITE


def test_a_key_is_bound_to_collections_and_groups(tmp_path: Path) -> None:
    def create(*words: str) -> Result:
        return CliRunner().invoke(main, ["--data", str(tmp_path), "key", "create", *words])

    assert create("--role", "write", "--name", "all").exit_code == 0
    assert json.loads((tmp_path / FILE_NAME).read_text())["format"] == 1
    bound = create("--role", "read", "--name", "hr", "--collections", "hr, press", "--groups", "staff")
    assert bound.exit_code == 0
    assert json.loads((tmp_path / FILE_NAME).read_text())["format"] == 2  # not for versions that would read it as unbound
    key = KeyRing(FolderFiles(tmp_path)).find(bound.stdout.split()[0])
    assert key
    assert key.audience == Audience(("hr", "press"), ("staff",))
    listed = CliRunner().invoke(main, ["--data", str(tmp_path), "key", "list"]).stdout.splitlines()
    assert listed[1].split("\t")[-2:] == ["collections hr,press", "groups staff"]
    assert create("--role", "write", "--name", "writer", "--groups", "staff").exit_code == 1
    assert create("--role", "read", "--name", "wrong", "--collections", "HR!").exit_code == 2


@pytest.mark.parametrize("damaged", [{"groups": [5]}, {"groups": []}, {"collections": ["*"]}, {"collections": 1}])
def test_a_key_whose_binding_cannot_be_read_is_no_key(tmp_path: Path, damaged: dict[str, Any]) -> None:
    secret = create_key(FolderFiles(tmp_path), "hr", Role.READ, ("hr",), ("staff",))
    path = tmp_path / FILE_NAME
    found = json.loads(path.read_text())
    found["keys"][0] |= damaged
    path.write_text(json.dumps(found))
    with pytest.raises(KeysError, match="damaged"):
        KeyRing(FolderFiles(tmp_path)).find(secret)
