"""Read the settings: the command line takes precedence over the environment, then the TOML file, then the defaults.

This module alone reads the project's environment variables and the configuration file.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from corpus.types import QuotableError
from index.opensearch.address import SCHEME
from qa.settings.collections import CollectionSettings
from qa.settings.names import ENVIRONMENT_PREFIX, REMOVED, RENAMED, variable, variables
from qa.settings.settings import LISTS, Settings

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONFIG_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
# Replaces pydantic's messages that name Python types.
_MESSAGES = {
    "tuple_type": "Input should be a list",
    "path_type": "Input should be a path",
    **dict.fromkeys(("mapping_type", "dict_type", "model_type"), "Input should be a table"),
}


class SettingsError(QuotableError):
    """A setting is unknown or has an invalid value."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings, and for each one that was set, where: `in FILE`, `in QA_NAME` or `on the command line`.

    `warnings`: a line for each use of a former name.
    """

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None
    warnings: tuple[str, ...] = ()


def ensure_temporary_folder(data: Path) -> None:
    """Let temporary files, also of processes started from here on, be in the data folder if they can be nowhere else.

    So it is in a container whose root file system is read-only.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
        os.environ["TMPDIR"] = tempfile.tempdir = str(data.resolve())


@contextmanager
def sharing_metrics() -> Iterator[None]:
    """Let processes started meanwhile keep their metrics in one folder, which prometheus_client reads from the environment."""
    with tempfile.TemporaryDirectory(prefix="quotable-metrics-") as folder:
        os.environ[METRICS_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[METRICS_VARIABLE]


def metrics_folder() -> str | None:
    """The folder of `sharing_metrics`, None outside."""
    return os.environ.get(METRICS_VARIABLE)


def read_settings(overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings alone; see `read_configuration`."""
    return read_configuration(overrides, environment).settings


def read_configuration(
    overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ
) -> Configuration:
    """Read and validate all settings.

    `overrides`: from the command line; None values are ignored, and `config` names the file.
    Raises SettingsError naming the setting, the problem and where it was set.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    path = given.pop("config", None) or environment.get(CONFIG_VARIABLE)
    file = Path(path) if path else None
    in_file = _read_file(file) if file else {}
    values = {RENAMED.get(name, name): value for name, value in in_file.items() if RENAMED.get(name) not in in_file}
    sources = dict.fromkeys(values, f"in {file}")
    for name in Settings.model_fields:
        source = next((each for each in variables(name) if _is_set(name, environment.get(each))), None)
        if source is not None:
            value = environment[source]
            values[name] = [part.strip() for part in value.split(",") if part.strip()] if name in LISTS else value
            sources[name] = f"in {source}"
    values |= given
    sources |= dict.fromkeys(given, "on the command line")
    try:
        return Configuration(Settings(**values), sources, file, tuple(_renamed(in_file, file, environment)))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        where = f" {sources[name]}" if name in sources else ""
        raise SettingsError(f"the setting {name}{where} cannot be used: {_reason(name, first)}") from error


def settings_at(settings: Settings, place: str) -> Settings:
    """The settings for another data folder, or for the cluster if `place` is the address of one. Raises SettingsError."""
    found = {"engine": place} if place.startswith(SCHEME) else {"engine": None, "data": place}
    try:
        return Settings(**{name: getattr(settings, name) for name in settings.model_fields_set} | found)
    except ValidationError as error:
        raise SettingsError(f"{place} cannot be used: {_reason('engine', error.errors()[0])}") from error


def cache_folder(settings: Settings, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of prepared models: the setting, else the user's own. None for a user without a home folder."""
    if settings.cache:
        return settings.cache
    named = Path(environment.get("XDG_CACHE_HOME", ""))  # the XDG specification ignores relative paths
    try:
        return (named if named.is_absolute() else Path.home() / ".cache") / "quotable"
    except RuntimeError:
        return None


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """A line for each variable with our prefix that is not a setting."""
    known = {each for name in Settings.model_fields for each in variables(name)} | {CONFIG_VARIABLE}
    unknown = sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known)
    removed = {variable(name): why for name, why in REMOVED.items()}
    return [f"{name} in the environment is not a setting: {removed.get(name) or _suggestion(name, known)}" for name in unknown]


def _renamed(in_file: Mapping[str, Any], file: Path | None, environment: Mapping[str, str]) -> Iterator[str]:
    for old, new in RENAMED.items():
        if old in in_file:
            yield f"the setting {old} in {file} is now called {new}; rename it, the next version rejects the old name"
        if environment.get(variable(old)):
            yield f"{variable(old)} in the environment is now called {variable(new)}; the next version ignores the old name"


def _is_set(name: str, value: str | None) -> bool:
    """An empty variable counts as unset, as OpenTelemetry specifies, except for a list, which may be empty."""
    return bool(value) or (value is not None and name in LISTS)


def _reason(name: str, error: Mapping[str, Any]) -> str:
    inner = [str(part) for part in error["loc"][1:] if part != "[key]"] if name == "collections" else []
    if inner and error["type"] == "extra_forbidden":
        return f"{'.'.join(inner)} is not a setting of a collection; {_suggestion(inner[-1], CollectionSettings.model_fields)}"
    return ": ".join([*([".".join(inner)] if inner else []), _reason_alone(name, error)])


def _reason_alone(name: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return REMOVED.get(name) or f"there is no such setting; {_suggestion(name, Settings.model_fields)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _MESSAGES.get(error["type"], str(error["msg"]))


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else "`qa config` lists all settings"


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"cannot read the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the configuration file {path} is not valid TOML: {error}") from error
