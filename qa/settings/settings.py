"""What the operator decides. The only reader of the environment and of the configuration file; immutable once read.

A setting comes from the command line, else from the environment (`QA_` and its name), else from the TOML file that `--config` or
`QA_CONFIG` names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from corpus.types import QuotableError
from index.embedding.model_files import DEFAULT_MODEL
from index.types import Precision
from qa.answering.confidence import ANSWER_THRESHOLD
from qa.operate.logs import LogFormat
from qa.settings import checks

ENVIRONMENT_PREFIX = "QA_"
# Settings that have a standard name in the environment too; our own goes before it.
STANDARD_VARIABLES = {"traces": "OTEL_TRACES_EXPORTER"}

TracesExporter = Literal["none", "otlp", "console"]


class SettingsError(QuotableError):
    """A setting has a value that cannot be used."""


Line = Annotated[str, AfterValidator(checks.line)]
FilePath = Annotated[Path, BeforeValidator(checks.path)]
Origins = tuple[Annotated[str, AfterValidator(checks.origin)], ...]
FetchedHosts = tuple[Annotated[str, AfterValidator(checks.fetched_from)], ...]


class Settings(BaseModel):
    """Every setting, with what it means and its default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Annotated[FilePath, Field(description="The one folder that holds everything; back up this.")] = Path("qa-data")
    host: Annotated[Line, Field(description="The address to serve on.")] = "127.0.0.1"
    port: Annotated[int, Field(description="The port to serve on; 0 takes a free one.", ge=0, le=65535)] = 8000
    model: Annotated[
        Line, Field(description="The embedding model: a sentence-transformers folder, or a name in this machine's model cache.")
    ] = DEFAULT_MODEL
    offline: Annotated[bool, Field(description="Never use the network; false lets a named model be fetched once.")] = True
    precision: Annotated[
        Precision,
        Field(
            description="Of the embedding of questions: int8, or fp32, which takes twice as long. It can be changed at any time."
        ),
    ] = "int8"
    threads: Annotated[int, Field(description="Cores for one embedding.", ge=1, le=256, examples=[4])] = min(
        os.cpu_count() or 1, 4
    )
    languages: Annotated[
        tuple[Annotated[str, AfterValidator(checks.language)], ...],
        Field(description="Codes of the languages that the model serves; none for all. In the environment: en,de"),
    ] = ("en",)
    answer_threshold: Annotated[
        float, Field(description="The confidence from which a question counts as answerable.", ge=0, le=1)
    ] = ANSWER_THRESHOLD
    reranker: Annotated[
        Line | None,
        Field(
            description="A cross-encoder that puts the first passages in order: a folder, or a name in this machine's model cache.",
            examples=["/srv/models/cross-encoder"],
        ),
    ] = None
    llm_url: Annotated[
        Annotated[str, AfterValidator(checks.address)] | None,
        Field(
            description="An OpenAI-compatible server of a language model that writes chat replies.",
            examples=["http://127.0.0.1:8080/v1"],
        ),
    ] = None
    llm_model: Annotated[
        Line | None,
        Field(description="The model's name on that server; needed with llm_url.", validate_default=True, examples=["a-model"]),
    ] = None
    llm_key: Annotated[
        Annotated[str, AfterValidator(checks.key)] | None,
        Field(description="The key that that server wants.", repr=False, examples=["a-key"]),
    ] = None
    llm_idle_timeout: Annotated[
        float, Field(description="Seconds without a word of the model that a chat waits, to the first one too.", gt=0, le=3600)
    ] = 20.0
    llm_timeout: Annotated[float, Field(description="Seconds that a whole answer of the model may take.", gt=0, le=3600)] = 60.0
    crisis_words: Annotated[
        FilePath | None,
        Field(
            description="A TOML file of words, such as those of a crisis, to which a chat says a fixed text first.",
            examples=["crisis-words.toml"],
        ),
    ] = None
    require_key: Annotated[
        bool, Field(description="Ask this machine's own callers for a key too, as behind a proxy on this machine.")
    ] = False
    public: Annotated[
        bool,
        Field(description="Let everyone ask and read without a key, within public_requests_per_minute; never change anything."),
    ] = False
    public_requests_per_minute: Annotated[
        int, Field(description="Requests a minute of one address without a key; 0 for no bound.", ge=0)
    ] = 60
    requests_per_minute: Annotated[int, Field(description="Requests a minute of one key; 0 for no bound.", ge=0)] = 0
    queue_seconds: Annotated[
        float,
        Field(description="How long a request may wait for its turn; who would wait longer is refused at once.", gt=0, le=60),
    ] = 1.0
    trusted_proxy: Annotated[
        Annotated[str, AfterValidator(checks.machine)] | None,
        Field(
            description="The address of the reverse proxy in front, whose word on who asks is taken; a key is needed then.",
            examples=["127.0.0.1"],
        ),
    ] = None
    hosts: Annotated[
        tuple[Annotated[str, AfterValidator(checks.host)], ...],
        Field(
            description="Names that this service is called by in addresses, next to its own address.",
            examples=[["docs.example.org"]],
        ),
    ] = ()
    origins: Annotated[
        Origins,
        Field(
            description="Other sites whose pages may ask from the browser; none by default.",
            examples=[["https://www.example.org"]],
        ),
    ] = ()
    url_hosts: Annotated[
        FetchedHosts,
        Field(
            description="Hosts that documents may be fetched from, on ports 80 and 443 or on the one that is named.",
            examples=[["docs.example.org", "docs.example.org:8443"]],
        ),
    ] = ()
    url_private_hosts: Annotated[
        FetchedHosts,
        Field(
            description="The same as url_hosts, of hosts that stand in a private network or on this machine.",
            examples=[["intranet.example.org"]],
        ),
    ] = ()
    upload_page: Annotated[bool, Field(description="Offer /upload, a page that adds documents.")] = False
    example_questions: Annotated[
        tuple[Line, ...],
        Field(
            description="Questions that the search page offers as links; unset, it has four for the press release only.",
            examples=[["How do I renew my passport?"]],
        ),
    ] = ()
    embed_origins: Annotated[
        Origins,
        Field(description="Origins whose pages may embed the search box.", examples=[["https://www.example.org"]]),
    ] = ()
    feedback: Annotated[
        bool, Field(description="Ask readers whether an answer helped, and keep what they say with the question.")
    ] = False
    keep_questions: Annotated[bool, Field(description="Keep the questions that found no answer, for `qa gaps`.")] = False
    log_format: Annotated[
        LogFormat, Field(description="Of what `qa serve` says on standard error: text, or json, an object a line.")
    ] = "text"
    log_requests: Annotated[
        bool, Field(description="A line for every request: route, status, times, whose key; never what was asked.")
    ] = True
    log_questions: Annotated[
        bool,
        Field(description="What was asked too, without e-mail addresses, card, phone and National Insurance numbers."),
    ] = False
    traces: Annotated[
        TracesExporter,
        Field(description="Send OpenTelemetry traces: otlp, as the OTEL_ variables say where to; console; or none."),
    ] = "none"

    @field_validator("llm_model")
    @classmethod
    def _named(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("llm_url") and not value:
            raise ValueError("must name a model of llm_url's server")
        return value


# Settings that are a list; the environment writes them with commas.
LISTS = frozenset(name for name, field in Settings.model_fields.items() if isinstance(field.default, tuple))


# Where pydantic speaks of Python's types.
_OWN_WORDS = {"tuple_type": "Input should be a list", "path_type": "Input should be a path"}

# Settings that are never shown.
SECRETS = frozenset(name for name, field in Settings.model_fields.items() if not field.repr)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings in force, and of each that was set, where: `in FILE`, `in QA_NAME` or `on the command line`."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None


def read_settings(overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force; see `read_configuration`."""
    return read_configuration(overrides, environment).settings


def read_configuration(
    overrides: Mapping[str, Any] | None = None, environment: Mapping[str, str] = os.environ
) -> Configuration:
    """`overrides` come from the command line; None values in it are passed over, and `config` names the file to be read.

    Raises SettingsError naming the setting, its value and where it was set.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    named = given.pop("config", None) or environment.get(f"{ENVIRONMENT_PREFIX}CONFIG")
    file = Path(named) if named else None
    values: dict[str, Any] = _read_file(file) if file else {}
    sources = dict.fromkeys(values, f"in {file}")
    for name in Settings.model_fields:
        variable = next((each for each in variables(name) if _is_set(name, environment.get(each))), None)
        if variable is not None:
            value = environment[variable]
            values[name] = [part.strip() for part in value.split(",") if part.strip()] if name in LISTS else value
            sources[name] = f"in {variable}"
    values |= given
    sources |= dict.fromkeys(given, "on the command line")
    try:
        return Configuration(Settings(**values), sources, file)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        where = f" {sources[name]}" if name in sources else ""
        raise SettingsError(f"the setting {name}{where} cannot be used: {_reason(name, first)}") from error


def variables(name: str) -> tuple[str, ...]:
    """Of the environment, by which a setting can be given; the first goes before the second."""
    standard = STANDARD_VARIABLES.get(name)
    return (ENVIRONMENT_PREFIX + name.upper(), *((standard,) if standard else ()))


def _is_set(name: str, value: str | None) -> bool:
    """An empty variable is none, as with those of OpenTelemetry; but a list may be empty."""
    return bool(value) or (value is not None and name in LISTS)


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """A line on each variable that looks like a setting's and is none."""
    known = {variable for name in Settings.model_fields for variable in variables(name)} | {f"{ENVIRONMENT_PREFIX}CONFIG"}
    unknown = sorted(name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known)
    return [f"{name} in the environment is no setting; {_perhaps(name, known)}" for name in unknown]


def _reason(name: str, error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return f"there is none of that name; {_perhaps(name, Settings.model_fields)}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return _OWN_WORDS.get(error["type"], str(error["msg"]))


def _perhaps(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else "`qa config` lists those that there are"


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"cannot read the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the configuration file {path} is not TOML: {error}") from error
