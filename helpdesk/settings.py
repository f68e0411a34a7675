"""Settings: one frozen, grouped, described tree, read from the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from helpdesk.errors import InvalidSetting

PREFIX = "HELPDESK_"
PROJECT_DIR = Path(__file__).resolve().parent.parent

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[float, Field(gt=0, le=36_500)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Group):
    """The database."""

    busy_wait_s: Seconds = Field(default=5.0, description="How long to wait for a lock before giving up.")
    pool_size: int = Field(default=8, ge=1, description="PostgreSQL connections per process.")


class BrokerSettings(_Group):
    """The message broker."""

    topology_version: int = Field(
        default=1, ge=1, description="Part of every queue name; raise it to change arguments."
    )
    confirm_timeout_s: Seconds = Field(default=10.0, description="No confirm by then means unknown: publish again.")
    heartbeat_s: int = Field(default=20, ge=1, description="AMQP heartbeat.")
    blocked_timeout_s: Seconds = Field(
        default=15.0, description="Give a connection up that the broker blocks this long."
    )
    max_in_flight: int = Field(default=256, ge=1, description="Unconfirmed messages per publisher.")
    max_lane_length: int = Field(default=200_000, ge=1, description="Messages per lane before the broker refuses more.")
    lease_s: Seconds = Field(default=20.0, description="Embedded queue: how long a consumer may hold a message.")


class ListenerSettings(_Group):
    """What everything that serves HTTP shares."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless told otherwise.")
    max_body_bytes: int = Field(default=65_536, ge=1_024, description="Largest request body.")


class HttpSettings(ListenerSettings):
    """What both APIs share."""

    requests_per_minute: int = Field(default=60_000, ge=1, description="Rate limit per API key and process.")
    failed_keys_per_minute: int = Field(
        default=600, ge=1, description="Requests without a valid key that an address may send, per process."
    )


class TicketApiSettings(HttpSettings):
    """The ticket API."""

    port: Port = Field(default=8080, description="Port to listen on.")
    claim_lease_s: Seconds = Field(default=900.0, description="A claimed ticket returns to its queue after this long.")


class PredictionApiSettings(HttpSettings):
    """The prediction API."""

    port: Port = Field(default=8000, description="Port to listen on.")
    max_body_bytes: int = Field(default=4_194_304, ge=1_024, description="Largest request body (a batch is large).")
    url: str = Field(default="", description="Where the processor finds it (empty: on this machine, at this port).")
    api_key: SecretStr | None = Field(default=None, description="Key that the processor sends.")
    timeout_s: Seconds = Field(default=5.0, description="How long the processor waits for a prediction.")


class AgentConsoleSettings(ListenerSettings):
    """The desk: pages for agents, operators and ML engineers."""

    port: Port = Field(default=8081, description="Port to listen on.")
    url: str = Field(default="", description="Where browsers reach it, for links (empty: this machine, at this port).")
    max_body_bytes: int = Field(default=1_048_576, ge=1_024, description="Largest request body.")
    secret: SecretStr | None = Field(
        default=None,
        description="Signs cookies, 32 characters or more (unset: made once and kept in the store, for all processes).",
    )
    session_idle_s: Seconds = Field(default=43_200.0, description="A session that is not used this long ends.")
    session_s: Seconds = Field(default=604_800.0, description="A session ends after this long, used or not.")
    link_s: Seconds = Field(default=3_600.0, description="How long a one-time link lets somebody in.")
    failures_per_address: int = Field(
        default=20, ge=1, description="Failed sign-ins that an address may have per minute and process."
    )
    failures_per_name: int = Field(
        default=5, ge=1, description="The same for one name from one address; from everywhere, six times as many."
    )


class ModelSettings(_Group):
    """The intent model."""

    artifacts_dir: Path = Field(default=PROJECT_DIR / "model_artifacts", description="Where model artifacts lie.")
    version: str = Field(
        default="", description="Artifact to serve, whatever the registry says (empty: the registry's live one)."
    )
    encoder_dir: Path = Field(
        default=PROJECT_DIR / ".cache" / "encoder", description="Where MiniLM lies, built for serving once per machine."
    )
    gate_data: Path = Field(
        default=PROJECT_DIR / "data" / "training_tickets.jsonl",
        description="Labelled tickets on whose test part a version is compared with the live one before a promotion.",
    )
    gate_max_ece: float = Field(
        default=0.02, gt=0, le=1, description="Largest calibration error (ECE) with which a version may be promoted."
    )
    gate_min_precision: float = Field(
        default=0.97,
        gt=0,
        le=1,
        description="Least share of right answers above a version's own thresholds with which it may be promoted.",
    )


class ProcessorSettings(_Group):
    """The worker, and the watchdog beside the relay."""

    prefetch: int = Field(default=64, ge=1, le=1000, description="Messages a worker holds at a time.")
    batch_size: int = Field(default=32, ge=1, le=256, description="Tickets predicted and recorded together.")
    writers: int = Field(default=8, ge=1, description="Answers written at a time by a remote writer.")
    max_starts: int = Field(default=5, ge=1, description="A message begun this often without an end is dead-lettered.")
    handling_limit_s: Seconds = Field(
        default=60.0, description="Handling that takes longer counts as a failed attempt."
    )
    decide_within_s: Seconds = Field(default=120.0, description="A ticket without a decision by then goes to a person.")
    stuck_after_s: Seconds = Field(default=45.0, description="A ticket untouched for this long is published again.")
    sweep_every_s: Seconds = Field(default=2.0, description="How often the watchdog looks.")
    reoffer_after_s: Seconds = Field(
        default=3600.0, description="A ticket taken from a broker queue and not heard of since returns after this long."
    )
    policy_file: Path = Field(
        default=PROJECT_DIR / "processor" / "policy.yaml",
        description="The first decision policy; text that is new here becomes a version when a worker starts.",
    )


class SlaSettings(_Group):
    """Deadlines."""

    policy_file: Path = Field(
        default=PROJECT_DIR / "helpdesk" / "sla" / "policy.yaml",
        description="The SLA policy: what is promised to whom.",
    )
    check_every_s: Seconds = Field(default=2.0, description="How often the relay looks for deadlines that come near.")


class RetentionSettings(_Group):
    """How long the relay keeps what only absorbs repetitions."""

    inbox_days: Days = Field(default=7.0, description="A handled message is remembered for this long.")
    idempotency_days: Days = Field(default=3.0, description="A retry under an `Idempotency-Key` may come this late.")
    cached_answers_days: Days = Field(
        default=7.0, description="A model's checked answer is given again to the same question for this long."
    )
    cached_answers: int = Field(
        default=10_000, ge=0, description="How many such answers are kept (0: none is given again)."
    )
    prune_every_s: Seconds = Field(default=60.0, description="How often the relay deletes what is older.")


class KnowledgeSettings(_Group):
    """The knowledge base."""

    path: Path = Field(
        default=PROJECT_DIR / "data" / "knowledge_base", description="Articles that `kb load` reads by default."
    )
    brand_file: Path | None = Field(
        default=None,
        description="The shop's facts and voice (unset: the `brand.json` in or beside the directory of articles).",
    )
    passages: int = Field(default=5, ge=1, le=20, description="Passages given to the writer.")
    intents_file: Path = Field(
        default=PROJECT_DIR / "data" / "intents.json",
        description="The intents that articles may name, with their categories; a file that is not there checks none.",
    )
    stale_after_days: int = Field(
        default=730, ge=1, description="An article that was not updated for longer gets a warning."
    )
    max_load_bytes: int = Field(
        default=8_388_608, ge=1_024, description="Largest body of `POST /knowledge/load` and `POST /knowledge/check`."
    )


class CrawlSettings(_Group):
    """Reading help pages from the web (`helpdesk kb crawl`)."""

    contact: str = Field(
        default="",
        description="An address of yours that the crawler names to the sites it reads: a page, or an e-mail.",
    )
    pause_s: float = Field(
        default=1.0, ge=0, description="Pause between two requests to a host; its robots.txt may ask for a longer one."
    )
    max_pages: int = Field(default=200, ge=1, le=20_000, description="Pages that a crawl visits at most.")
    max_depth: int = Field(default=1, ge=0, le=20, description="How many links away from a given page it goes.")
    max_page_bytes: int = Field(default=2_097_152, ge=1_024, description="Largest page, unpacked.")
    page_limit_s: Seconds = Field(default=20.0, description="How long one page may take.")
    time_limit_s: Seconds = Field(default=1_800.0, description="How long a crawl may take; what it has by then counts.")


class WriterSettings(_Group):
    """Who writes automatic answers."""

    provider: Literal["auto", "claude", "openai", "extractive"] = Field(
        default="auto",
        description="Who writes: `claude`, `openai` (any server with OpenAI's chat completions), or `extractive` (no "
        "model). `auto`: Claude where ANTHROPIC_API_KEY is set, else extractive.",
    )
    model: str = Field(default="claude-haiku-5-5", description="Model; the default is Claude's, `openai` needs a name.")
    stronger_model: str | None = Field(
        default=None,
        description="Asked where the model finds the passages insufficient though the evidence is good (unset: "
        "`claude-sonnet-5-5` beside Claude, else none; empty: none).",
    )
    escalate_evidence: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="Evidence from which the stronger model is asked; the policy's bound is lower.",
    )
    base_url: str = Field(default="", description="Another address of the API (empty: Anthropic's, or OpenAI's).")
    timeout_s: Seconds = Field(default=20.0, description="Per call.")
    deadline_s: Seconds = Field(default=40.0, description="For all calls of one answer together.")
    max_tokens: int = Field(default=700, ge=64, description="Longest answer.")
    hourly_budget_usd: float = Field(
        default=10.0,
        ge=0,
        description="What all answers together may cost within an hour; then people answer (0: no limit).",
    )
    ticket_budget_usd: float = Field(
        default=0.10, ge=0, description="What the answers to one ticket may cost; then people answer (0: no limit)."
    )
    prices_file: Path | None = Field(
        default=None, description="YAML file of prices that adds to, or replaces, those in `writer_prices.yaml`."
    )


class JudgeSettings(_Group):
    """Who judges answers in `helpdesk evaluate answers`."""

    provider: Literal["auto", "claude", "similarity"] = Field(
        default="auto",
        description="Who judges: `claude`, or `similarity` (no model behind a key). `auto`: Claude where "
        "ANTHROPIC_API_KEY is set, else similarity.",
    )
    model: str = Field(
        default="claude-opus-5-5", description="Claude's model that judges; never one that writes the answers."
    )
    base_url: str = Field(default="", description="Another address of the API (empty: Anthropic's).")
    timeout_s: Seconds = Field(default=60.0, description="Per call.")
    retries: int = Field(default=3, ge=0, le=10, description="How often a call that failed is repeated.")
    max_tokens: int = Field(default=500, ge=64, description="Longest verdict.")
    parallel: int = Field(default=4, ge=1, le=64, description="Answers judged at a time.")


class TrackingSettings(_Group):
    """MLflow, where trainings are logged."""

    experiment: str = Field(
        default="helpdesk-intent", min_length=1, description="MLflow experiment that the runs belong to."
    )
    timeout_s: Seconds = Field(
        default=60.0, description="How long logging a model, or fetching one, may take; a training never fails by it."
    )


class ClientSettings(_Group):
    """The commands that talk to the ticket API."""

    url: str = Field(default="", description="The ticket API (empty: on this machine, at its port).")
    api_key: SecretStr | None = Field(
        default=None, description="Key that the commands send (unset: the key that `helpdesk run` saved for the role)."
    )
    timeout_s: Seconds = Field(default=30.0, description="How long a command waits for an answer.")


class MetricsSettings(_Group):
    """Metrics and health of relay and worker."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; whoever reaches it needs no key.")
    relay_port: Port = Field(default=9180, description="Port of the relay's `/metrics` and `/health` (0: none).")
    worker_port: Port = Field(
        default=9181, description="The same for the worker; `helpdesk run` gives further workers the ports that follow."
    )


class LogSettings(_Group):
    """Logging."""

    format: Literal["json", "text"] = Field(default="text", description="`json` for machines, `text` for people.")
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least severe level shown.")


class Settings(BaseSettings):
    """Everything that can be configured.

    Names: ``HELPDESK_<GROUP>__<NAME>``, such as ``HELPDESK_PROCESSOR__PREFETCH=32``; besides, the names that everyone
    expects: ``RABBITMQ_URL``, ``DATABASE_URL``, ``CHROMA_URL``, ``ANTHROPIC_API_KEY``, ``MLFLOW_TRACKING_URI``.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore", populate_by_name=True
    )

    state_dir: Path = Field(
        default=PROJECT_DIR / ".helpdesk", description="Database, knowledge index and caches of this machine."
    )
    rabbitmq_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("RABBITMQ_URL"), description="AMQP URL (unset: the embedded queue)."
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL"),
        description="PostgreSQL URL (unset: SQLite in state_dir).",
    )
    chroma_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("CHROMA_URL"),
        description="URL of a Chroma server (unset: a local index in state_dir).",
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("ANTHROPIC_API_KEY"),
        description="Claude's key (unset: extractive answers).",
    )
    mlflow_tracking_uri: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("MLFLOW_TRACKING_URI"),
        description="URL of an MLflow server; `helpdesk train` logs to it (unset: nothing is logged).",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_API_KEY"),
        description="Key of the OpenAI-compatible server (unset: none is sent); read only by the provider `openai`.",
    )
    store: StoreSettings = StoreSettings()
    broker: BrokerSettings = BrokerSettings()
    ticket_api: TicketApiSettings = TicketApiSettings()
    prediction_api: PredictionApiSettings = PredictionApiSettings()
    agent_console: AgentConsoleSettings = AgentConsoleSettings()
    model: ModelSettings = ModelSettings()
    processor: ProcessorSettings = ProcessorSettings()
    sla: SlaSettings = SlaSettings()
    retention: RetentionSettings = RetentionSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    crawl: CrawlSettings = CrawlSettings()
    writer: WriterSettings = WriterSettings()
    judge: JudgeSettings = JudgeSettings()
    tracking: TrackingSettings = TrackingSettings()
    client: ClientSettings = ClientSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()

    @property
    def writer_provider(self) -> Literal["claude", "openai", "extractive"]:
        """Who writes the answers."""
        if self.writer.provider != "auto":
            return self.writer.provider
        has_key = self.anthropic_api_key is not None and self.anthropic_api_key.get_secret_value()
        return "claude" if has_key else "extractive"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; ``overrides`` win.

    Raises:
        InvalidSetting: a value does not fit, or a ``HELPDESK_*`` name is unknown; names the variable.
    """
    unknown = sorted(unknown_names(os.environ))
    if unknown:
        raise InvalidSetting("no such setting", field=unknown[0], remedy="`helpdesk settings check` lists the names")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = (PREFIX + "__".join(str(part) for part in first["loc"])).upper()
        raise InvalidSetting(first["msg"], field=field, remedy="see docs/reference/settings.md") from None


def setting_names() -> dict[str, str]:
    """Return every environment name and its description."""
    names: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            for inner, inner_field in group.model_fields.items():
                names[f"{PREFIX}{name}__{inner}".upper()] = inner_field.description or ""
        else:
            alias = field.validation_alias
            env_name = str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name}".upper()
            names[env_name] = field.description or ""
    return names


def unknown_names(environment: Mapping[str, str]) -> set[str]:
    """Return the ``HELPDESK_*`` names that no setting reads."""
    internal = {f"{PREFIX}FAILPOINT"}
    return {name for name in environment if name.upper().startswith(PREFIX)} - set(setting_names()) - internal
