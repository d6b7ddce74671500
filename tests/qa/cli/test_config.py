"""`qa config`, the file it prints and the documentation list the same settings, without secrets."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from qa.settings.listing import as_toml, rows
from qa.settings.names import variables
from qa.settings.reading import SettingsError, read_configuration, read_settings
from qa.settings.settings import LISTS, SECRETS, Settings
from tests.conftest import MakeFolder, RunProcess, Server, StartServer

DOCS = Path(__file__).parent.parent.parent.parent / "docs"
NAMES = list(Settings.model_fields)
# A value other than the default.
OTHERS: dict[str, Any] = {
    "data": "elsewhere", "engine": "opensearch://127.0.0.1/documents", "engine_user": "me", "engine_certificate": "client.pem",
    "engine_key": "key.pem", "engine_ca": "ca.pem", "host": "0.0.0.0", "port": 9000,
    "model": "other", "cache": "models", "offline": False, "threads": 3,
    "languages": ["en", "de"], "answer_threshold": 0.6, "invariants": "i.jsonl", "reader": "none", "reranker": "/srv/ä",
    "llm_url": "http://127.0.0.1:1/v1", "llm_model": "m",
    "llm_idle_timeout": 5.0, "llm_timeout": 6.0, "crisis_words": "words.toml", "trusted_proxy": "127.0.0.1",
    "user_header": "X-User", "groups_header": "X-Groups", "writer_groups": ["editors"],
    "public_url": "https://docs.example.org/ask",
    "collections": {"press": {"title": "Press – ä", "answer_threshold": 0.2}},
    "origins": ["https://a.example.org"], "embed_origins": ["https://b.example.org"],
}  # fmt: skip


def other_value(name: str) -> Any:
    default = Settings.model_fields[name].default
    words = get_args(Settings.model_fields[name].annotation)
    if default in words:
        return next(word for word in words if word != default)
    if name not in OTHERS and isinstance(default, tuple):
        return ["one.example.org", "two.example.org"]
    if name in OTHERS or not isinstance(default, bool | int | float):
        return OTHERS[name]
    return not default if isinstance(default, bool) else default + 1


# An invalid value of each setting, and a part of the error message.
INVALID: dict[str, tuple[Any, str]] = {
    "data": ("", "not empty"), "engine": ("opensearch://me:zq@secret/a", "engine_password"), "engine_user": ("", "not empty"),
    "engine_password": ("zqsecret\n", "visible"), "engine_certificate": ("", "not empty"), "engine_key": ("", "not empty"),
    "engine_ca": ("", "not empty"), "engine_tls": ("perhaps", "'off'"), "host": ("", "not empty"),
    "port": (65536, "65535"), "model": ("a\nb", "a line"), "cache": ("", "not empty"),
    "offline": ("perhaps", "boolean"), "precision": ("int4", "'int8'"), "threads": (0, "1"), "languages": (["EN"], "such as en"),
    "collections": ({"press": {"titel": "x"}}, "press.titel is not a setting of a collection; did you mean title?"),
    "answer_threshold": (float("nan"), "1"), "invariants": ("", "not empty"), "read": ("sometimes", "'always' or 'never'"),
    "reader": ("", "not empty"), "reranker": ("", "not empty"), "llm_url": ("http://me:zq/secret@host", "such as"),
    "llm_model": ("", "not empty"), "llm_key": ("zqsecret\n", "visible"), "llm_idle_timeout": (0, "0"),
    "llm_timeout": (float("inf"), "3600"),
    "crisis_words": ("a\0", "a line"), "require_key": (2, "boolean"), "public": ("", "boolean"),
    "public_requests_per_minute": (-1, "0"), "requests_per_minute": (1.5, "integer"), "queue_seconds": (61, "60"),
    "trusted_proxy": ("*", "IP address"), "user_header": ("Cookie", "such as X-Auth"), "groups_header": ("X Groups", "such as X-Auth"),
    "writer_groups": (["a b"], "letters, digits"), "hosts": (["a b"], "a host name"),
    "public_url": ("https://me:zq@docs.example.org", "a site"), "origins": (["https://a.example/"], "an origin"),
    "url_hosts": (["http://a.example"], "not a host"), "url_private_hosts": ("a.example", "a list"),
    "source_pause": (-1, "0"),
    "watch": (["a\nb"], "a line"), "workers": (0, "1"), "keep_originals": ("perhaps", "boolean"), "keep_versions": (-1, "0"),
    "manage_page": ([], "boolean"),
    "example_questions": ([""], "not empty"),
    "embed_origins": (["*"], "an origin"), "feedback": ("maybe", "boolean"), "keep_questions": ("o", "boolean"),
    "log_format": ("xml", "'text' or 'json'"), "log_requests": ({}, "boolean"),
    "traces": ("zipkin", "'otlp'"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_rejects_invalid_values_in_one_line_without_secrets(name: str) -> None:
    value, message = INVALID[name]
    with pytest.raises(SettingsError, match=f"^the setting {name} on the command line cannot be used: ") as error:
        read_settings({name: value}, {})
    reason = str(error.value).partition("cannot be used: ")[2]
    assert message in reason
    assert not any(word in reason for word in ("\n", "zq", "Value error", "tuple", "class"))


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("user_header", "X-User", "trusted_proxy"),
        ("groups_header", "X-Groups", "user_header"),
        ("writer_groups", ["a"], "groups_header"),
    ],
)
def test_sign_in_needs_all_of_its_settings(name: str, value: Any, needed: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} .* needs the setting {needed}"):
        read_settings({name: value}, {})


def test_empty_variables_are_unset_except_for_lists() -> None:
    environment = {variable: "" for name in NAMES for variable in variables(name)}
    configuration = read_configuration({}, environment)
    assert configuration.sources == {name: f"in QA_{name.upper()}" for name in LISTS}
    assert configuration.settings == read_settings({"languages": []}, {})


def test_file_is_utf_8_in_any_locale(qa: RunProcess, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_bytes("\ufeffdata = 'é'".encode())
    listed = qa(
        "--config", tmp_path / "my.toml", "config", "--json", LC_ALL="nowhere", PYTHONUTF8="0", PYTHONIOENCODING="utf-8"
    )
    assert json.loads(listed.stdout.splitlines()[0])["value"] == "é"


def test_documented_defaults_are_the_actual_ones() -> None:
    table = (DOCS / "operations" / "settings.md").read_text("utf-8").partition("## Settings")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines() if line.startswith("| `")]
    documented = {
        name: default.strip("`").removesuffix(".0") for names, _, default in lines for name in re.findall(r"`(\w+)`", names)
    }
    machines_own = {
        "engine_ca": "those that the system trusts",
        "model": "the folder's; `all-MiniLM-L6-v2` for a new one",
        "cache": "`quotable` in `XDG_CACHE_HOME` or `~/.cache`".strip("`"),
        "threads": "the cores, at most 4",
        "workers": "the cores, at most 8",
    }
    assert documented == {
        name: as_documented(machines_own.get(name, field.default)) for name, field in Settings.model_fields.items()
    }


def as_documented(default: Any) -> str:
    match default:
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case tuple():
            return ",".join(default) or "none"
        case dict():
            return "none"
    return "none" if default is None else str(default)


def test_every_setting_is_listed_printed_and_documented() -> None:
    operations = (DOCS / "operations" / "settings.md").read_text("utf-8")
    table = operations.partition("## Settings")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)))) & {*NAMES}
    in_the_file = re.findall(r"^#(\w+) = ", (DOCS / "quotable.toml").read_text("utf-8"), re.MULTILINE)
    assert [row.name for row in rows(read_configuration({}, {}))] == NAMES
    assert in_the_file == NAMES
    assert documented == {*NAMES}
    assert all(row.description for row in rows(read_configuration({}, {})))


def test_documented_file_is_the_printed_one() -> None:
    printed = as_toml(read_configuration({}, {}))
    assert (DOCS / "quotable.toml").read_text("utf-8") == printed, "run `qa config --toml > docs/quotable.toml`"


def test_printed_file_is_valid_with_and_without_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "quotable.toml"
    file.write_text(as_toml(read_configuration({}, {})), "utf-8")
    assert read_settings({"config": file}, {}) == read_settings({}, {})
    file.write_text(re.sub(r"^#(?=\w)", "", file.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    assert read_settings({"config": file}, {}).model_fields_set == {*NAMES}


def test_printed_file_sets_the_same_values(tmp_path: Path) -> None:
    values = {name: other_value(name) for name in NAMES if name not in SECRETS}
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    lines = (f"{name} = {json.dumps(value)}" for name, value in values.items())
    first.write_text(re.sub(r'"(\w+)": ', r"\1 = ", "\n".join(lines)), "utf-8")  # tables as TOML writes them
    configuration = read_configuration({"config": first}, {})
    assert all(
        row.value != row.default and row.source == f"in {first}" for row in rows(configuration) if row.name not in SECRETS
    )
    second.write_text(as_toml(configuration), "utf-8")
    assert read_settings({"config": second}, {}) == configuration.settings
    assert tomllib.loads(second.read_text("utf-8")) == values


def test_shows_where_each_setting_was_set(qa: RunProcess, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text('port = 1\nlanguages = ["de"]\n')
    listed = qa("--data", "here", "--config", tmp_path / "my.toml", "config", "--json", QA_PORT="2", QA_PROT="3")
    found = {row["name"]: row for row in map(json.loads, listed.stdout.splitlines())}
    assert (found["port"]["value"], found["port"]["source"], found["port"]["default"]) == (2, "in QA_PORT", 8000)
    assert found["languages"]["source"] == f"in {tmp_path / 'my.toml'}"
    assert (found["data"]["value"], found["data"]["source"]) == ("here", "on the command line")
    assert found["host"]["source"] == "default"
    assert "QA_PROT" in listed.stderr
    assert "QA_PORT" in listed.stderr
    text = qa("config", QA_PORT="2").stdout
    assert "port = 2  (in QA_PORT; default 8000)\n    The port to serve on" in text


@pytest.mark.parametrize("options", [[], ["--json"], ["--toml"]])
def test_shows_no_secrets(qa: RunProcess, options: list[str]) -> None:
    secrets = {"QA_LLM_KEY": "zqsecret", "QA_LLM_URL": "http://me:a@zqsecret@127.0.0.1:1/v1", "QA_LLM_MODEL": "m"}
    secrets["QA_ENGINE_PASSWORD"] = "zqsecret"
    shown = qa("config", *options, **secrets)
    assert shown.code == 0
    assert "zqsecret" not in shown.stdout + shown.stderr
    assert {"llm_key", "engine_password"} == SECRETS
    assert all(name in shown.stdout for name in SECRETS)
    assert "zqsecret" not in repr(read_settings({}, {"QA_LLM_KEY": "zqsecret", "QA_ENGINE_PASSWORD": "zqsecret"}))


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("prot = 1", "did you mean port?"),
        ("log_request = true", "did you mean log_requests?"),
        ("log_questions = true", "it was removed; keep_questions"),
        ("zzzzzz = 1", "`qa config` lists"),
        ('log_format = "xml"', "'text' or 'json'"),
        ("hosts = 5", "hosts"),
        ('public = "often"', "public"),
    ],
)
def test_rejects_unknown_settings_and_invalid_values_in_the_file(tmp_path: Path, contents: str, message: str) -> None:
    file = tmp_path / "quotable.toml"
    file.write_text(contents)
    with pytest.raises(SettingsError, match=re.escape(message)) as error:
        read_settings({"config": file}, {})
    assert str(file) in str(error.value)


def test_config_option_takes_precedence_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text("port = 1")
    (tmp_path / "two.toml").write_text("port = 2")
    environment = {"QA_CONFIG": str(tmp_path / "one.toml")}
    assert read_settings({}, environment).port == 1
    assert read_settings({"config": tmp_path / "two.toml"}, environment).port == 2


def test_server_warns_of_unknown_variables(data_folder: MakeFolder, start_server: StartServer) -> None:
    with start_server(data_folder(), QA_REQUIRE_KEYS="1") as running:
        assert "QA_REQUIRE_KEYS in the environment is not a setting: did you mean QA_REQUIRE_KEY?" in running.log


def test_status_agrees_in_text_json_and_readyz(server: Server, qa: RunProcess) -> None:
    found = qa("--data", server.data, "status", "--json").json()
    ready = server.get("/readyz").json()
    assert {name: found[name] for name in ("documents", "passages", "generation", "degraded")} == {
        name: ready[name] for name in ("documents", "passages", "generation", "degraded")
    }
    assert (found["written"], found["recall"], found["jobs_waiting"]) == (True, None, 0)
    assert found["languages"] == [{"code": "en", "documents": 1, "served": True}]
    text = qa("--data", server.data, "status").stdout
    for shown in (found["data_folder"], found["model"], found["fingerprint"], str(found["passages"]), "in use"):
        assert shown in text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Press": {}}, "Press: must be 1 to 63 lower-case letters"),
        ({"press": {"title": ""}}, "press.title: must be a line of text"),
        ({"press": {"answer_threshold": 2}}, "press.answer_threshold: Input should be less than or equal to 1"),
        ({"press": {"color": "red;}"}}, "press.color: 'red;}' is not a colour such as"),
        ({"press": {"background": "url(x)"}}, "press.background: 'url(x)' is not a colour such as"),
        ({"press": {"language": "English"}}, "press.language: 'English' is not a two-letter language code"),
        ({"press": "x"}, "press: "),
        ("{press", "is not JSON such as"),
        (["press"], "Input should be a table"),
    ],
)
def test_settings_of_collections_are_checked(value: Any, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"collections": value}, {})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
