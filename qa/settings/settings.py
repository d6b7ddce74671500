"""Every setting with its type, default and description. `qa config` and the documentation are checked against this list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from index.embedding.model_files import DEFAULT_MODEL, MULTILINGUAL_MODEL
from index.engine import KEPT_VERSIONS
from index.opensearch.address import Tls
from index.types import Precision
from qa.settings import checks
from qa.settings.collections import Collections

# Of 118 answerable questions about GOV.UK pages 7% are below; docs/evaluation.md has more figures.
ANSWER_THRESHOLD = 0.05

# Settings of sign-in by a proxy, each with the one that it needs.
SIGN_IN = {"user_header": "trusted_proxy", "groups_header": "user_header", "writer_groups": "groups_header"}

LogFormat = Literal["text", "json"]
Read = Literal["auto", "always", "never"]
TracesExporter = Literal["none", "otlp", "console"]
Line = Annotated[str, AfterValidator(checks.line)]
FilePath = Annotated[Path, BeforeValidator(checks.path)]
Origins = tuple[Annotated[str, AfterValidator(checks.origin)], ...]
FetchedHosts = tuple[Annotated[str, AfterValidator(checks.fetched_from)], ...]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    data: FilePath = Field(default=Path("qa-data"), description="The data folder; it holds everything. Back this up.")
    engine: Annotated[str, AfterValidator(checks.engine)] | None = Field(
        default=None,
        description="A cluster that holds the documents instead of the data folder.",
        examples=["opensearch://host-1:9200,host-2:9200/documents"],
    )
    engine_user: Line | None = Field(default=None, description="The user name on that cluster.", examples=["quotable"])
    engine_password: Annotated[str, AfterValidator(checks.key)] | None = Field(
        default=None, description="The password of that user.", repr=False, examples=["a-password"]
    )
    engine_certificate: FilePath | None = Field(
        default=None, description="A client certificate for that cluster, PEM.", examples=["client.pem"]
    )
    engine_key: FilePath | None = Field(
        default=None, description="The key of that certificate, PEM.", examples=["client-key.pem"]
    )
    engine_ca: FilePath | None = Field(
        default=None, description="The authority that signed the cluster's certificates, PEM.", examples=["ca.pem"]
    )
    engine_tls: Tls = Field(
        default="auto",
        description="TLS to the cluster: verify; unverified; off; or auto, which verifies but uses none on this machine.",
    )
    host: Line = Field(default="127.0.0.1", description="The address to serve on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to serve on; 0 picks a free one.")
    workers: int = Field(
        default=min(os.cpu_count() or 1, 8),
        ge=1,
        le=64,
        examples=[4],
        description="Processes that answer; beside several of them one more writes. 1 does everything in one process.",
    )
    model: Line = Field(
        default=DEFAULT_MODEL,
        description="The embedding model: a sentence-transformers folder, a name in this machine's model cache, or multilingual-e5-small.",
    )
    cache: FilePath | None = Field(
        default=None,
        description="The folder of prepared models, for all data folders; by default quotable in XDG_CACHE_HOME or ~/.cache.",
        examples=["/var/cache/quotable"],
    )
    offline: bool = Field(default=True, description="Never use the network; false allows a named model to be downloaded once.")
    precision: Precision = Field(
        default="int8",
        description="The precision of question embeddings: int8, or fp32, which takes twice as long. Can be changed at any time.",
    )
    threads: int = Field(
        default=min(os.cpu_count() or 1, 4), ge=1, le=256, examples=[4], description="Cores for one embedding."
    )
    languages: tuple[Annotated[str, AfterValidator(checks.language)], ...] = Field(
        default=("en",),
        description="Codes of the languages that the model supports; empty for all. In the environment: en,de",
    )
    answer_threshold: float = Field(
        default=ANSWER_THRESHOLD, ge=0, le=1, description="The confidence from which a question counts as answerable."
    )
    collections: Collections = {}
    invariants: FilePath | None = Field(
        default=None,
        description="Questions that an index built again must answer before it takes over, as for `qa eval --invariants`.",
        examples=["invariants.jsonl"],
    )
    read: Read = Field(
        default="auto",
        description="When the reading model reads: auto, where words and structure leave doubt about the quote; always; or never.",
    )
    reader: Line = Field(
        default="packaged",
        description="The reading model: packaged; an extractive question-answering model of Hugging Face, as a folder or a name in this"
        " machine's model cache; or none.",
        examples=["/srv/models/squad2-reader"],
    )
    reranker: Line | None = Field(
        default=None,
        description="A cross-encoder that reorders the first passages: a folder, or a name in this machine's model cache.",
        examples=["/srv/models/cross-encoder"],
    )
    llm_url: Annotated[str, AfterValidator(checks.address)] | None = Field(
        default=None,
        description="An OpenAI-compatible language model server that writes chat replies.",
        examples=["http://127.0.0.1:8080/v1"],
    )
    llm_model: Line | None = Field(
        default=None,
        description="The model's name on that server; required with llm_url.",
        validate_default=True,
        examples=["a-model"],
    )
    llm_key: Annotated[str, AfterValidator(checks.key)] | None = Field(
        default=None, description="The API key for that server.", repr=False, examples=["a-key"]
    )
    llm_idle_timeout: float = Field(
        default=20.0, gt=0, le=3600, description="Seconds to wait for the next piece of a model's reply, including the first."
    )
    llm_timeout: float = Field(default=60.0, gt=0, le=3600, description="Seconds that a whole reply of the model may take.")
    crisis_words: FilePath | None = Field(
        default=None,
        description="A TOML file of words, such as those of a crisis, that make a chat show a fixed text first.",
        examples=["crisis-words.toml"],
    )
    require_key: bool = Field(
        default=False, description="Require a key from callers on this machine too, for example behind a proxy on this machine."
    )
    public: bool = Field(
        default=False,
        description="Let anyone ask and read without a key, within public_requests_per_minute; changes still need a key.",
    )
    public_requests_per_minute: int = Field(
        default=60, ge=0, description="Requests per minute from one address without a key; 0 for no limit."
    )
    requests_per_minute: int = Field(default=0, ge=0, description="Requests per minute with one key; 0 for no limit.")
    queue_seconds: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="The longest a request may wait in the queue; one that would wait longer is refused at once.",
    )
    trusted_proxy: Annotated[str, AfterValidator(checks.machine)] | None = Field(
        default=None,
        description="The address of the reverse proxy whose X-Forwarded-For is trusted; callers then need a key.",
        examples=["127.0.0.1"],
    )
    user_header: Annotated[str, AfterValidator(checks.header)] | None = Field(
        default=None,
        description="The header in which trusted_proxy names the user whom it signed in; needs trusted_proxy.",
        examples=["X-Auth-Request-User"],
    )
    groups_header: Annotated[str, AfterValidator(checks.header)] | None = Field(
        default=None,
        description="The header in which trusted_proxy names the user's groups, comma-separated; needs user_header.",
        examples=["X-Auth-Request-Groups"],
    )
    writer_groups: tuple[Annotated[str, AfterValidator(checks.group)], ...] = Field(
        default=(),
        description="Groups of groups_header whose members read and change all documents.",
        examples=[["documents-team"]],
    )
    hosts: tuple[Annotated[str, AfterValidator(checks.host)], ...] = Field(
        default=(), description="Further host names of this service, besides its own address.", examples=[["docs.example.org"]]
    )
    public_url: Annotated[str, AfterValidator(checks.site)] | None = Field(
        default=None,
        description="The address at which others reach this service: the base of its links in replies, and one of its host names.",
        examples=["https://docs.example.org"],
    )
    origins: Origins = Field(
        default=(),
        description="Other sites whose pages may send requests from the browser; none by default.",
        examples=[["https://www.example.org"]],
    )
    url_hosts: FetchedHosts = Field(
        default=(),
        description="Hosts that documents may be fetched from: by name (ports 80 and 443), or by name and port.",
        examples=[["docs.example.org", "docs.example.org:8443"]],
    )
    url_private_hosts: FetchedHosts = Field(
        default=(),
        description="The same as url_hosts, for hosts in a private network or on this machine.",
        examples=[["intranet.example.org"]],
    )
    source_pause: float = Field(
        default=1.0,
        ge=0,
        le=3600,
        description="Seconds between two requests of a source (`qa source`) to one host; its robots.txt may ask for more.",
    )
    watch: tuple[Line, ...] = Field(
        default=(),
        description="Files and folders that `qa serve` adds and follows: new, changed and deleted files.",
        examples=[["/srv/documents"]],
    )
    manage_page: bool = Field(
        default=True,
        description="Offer /manage, a page for adding, editing and removing documents, to callers with the role write.",
    )
    example_questions: tuple[Line, ...] = Field(
        default=(),
        description="Questions that the search page offers as links; by default four about the press release if it is there.",
        examples=[["How do I renew my passport?"]],
    )
    embed_origins: Origins = Field(
        default=(), description="Origins whose pages may embed the search box.", examples=[["https://www.example.org"]]
    )
    feedback: bool = Field(
        default=False, description="Ask readers whether an answer helped, and store their reply with the question."
    )
    keep_originals: bool = Field(
        default=True, description="Keep the files that documents are read from, to be downloaded; they are part of a backup."
    )
    keep_questions: bool = Field(
        default=False, description="Keep the questions that are asked, with their outcome, for `qa gaps` and the health page."
    )
    keep_versions: int = Field(
        default=KEPT_VERSIONS,
        ge=0,
        le=1_000,
        description="How many earlier texts of a document stay when it is replaced, out of search; 0 keeps none.",
    )
    log_format: LogFormat = Field(
        default="text", description="The format of the log of `qa serve`: text, or json, one object per line."
    )
    log_requests: bool = Field(
        default=True, description="Log a line per request: route, status, times, key name; never the question."
    )
    traces: TracesExporter = Field(
        default="none", description="Send OpenTelemetry traces: otlp, configured by the OTEL_ variables; console; or none."
    )

    @model_validator(mode="before")
    @classmethod
    def _support_every_language(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"languages": (), **values} if values.get("model") == MULTILINGUAL_MODEL else values

    @field_validator("llm_model")
    @classmethod
    def _require_model_with_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("llm_url") and not value:
            raise ValueError("must name a model on llm_url's server")
        return value

    @field_validator(*SIGN_IN)
    @classmethod
    def _require_who_is_believed(cls, value: Any, info: ValidationInfo) -> Any:
        needed = SIGN_IN[info.field_name or ""]
        if value and not info.data.get(needed):
            raise ValueError(f"needs the setting {needed}")
        return value

    @property
    def thresholds(self) -> dict[str, float]:
        """The thresholds of collections that have their own."""
        return {name: own.answer_threshold for name, own in self.collections.items() if own.answer_threshold is not None}

    @property
    def served_names(self) -> tuple[str, ...]:
        """The host names of this service besides its own address: `hosts`, and that of `public_url`."""
        name = urlsplit(self.public_url).hostname if self.public_url else None
        return (*self.hosts, name) if name else self.hosts


# Settings that are lists: comma-separated in the environment.
LISTS = frozenset(name for name, field in Settings.model_fields.items() if isinstance(field.default, tuple))
# Settings that are never shown.
SECRETS = frozenset(name for name, field in Settings.model_fields.items() if not field.repr)
