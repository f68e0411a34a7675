"""The prediction service under load, around our model and around TF-IDF with a linear SVC."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from benchmarks.environment import environment_of
from benchmarks.intake.load import Load, post_tickets, write_bodies
from benchmarks.intent.corpora import our_own
from benchmarks.processes import Child, Children, answers
from helpdesk.settings import ModelSettings, PredictionApiSettings, Settings
from helpdesk.wiring import open_store
from tests.servers import free_port

UNLIMITED = 1_000_000_000
BODIES = 2_000
KEY = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSample:
    """One service under one load."""

    service: str
    round: int
    clients: int
    per_s: float
    p50_ms: float
    p99_ms: float
    rss_mib: float


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    url: str
    process: Child


def measure_serving(
    directory: Path, *, artifacts_dir: Path, encoder_dir: Path, clients: list[int], rounds: int, seconds: int
) -> list[ServingSample]:
    """Start both services and measure them in turn, round after round."""
    texts = [row.text for row in our_own().rows if row.split == "test"]
    bodies = write_bodies([{"ticket": texts[n * 7 % len(texts)]} for n in range(BODIES)], directory / "texts.jsonl")
    model = ModelSettings(artifacts_dir=artifacts_dir, encoder_dir=encoder_dir)
    samples = []
    with ExitStack() as stack:
        children = stack.enter_context(Children(directory))
        services = [
            _start(directory, children, "Helpdesk", "prediction_api", model),
            _start(directory, children, "TF-IDF + linear SVC", "benchmarks.intent.svc_service", model),
        ]
        for service in services:
            _load(service, bodies, clients=8, seconds=2)
        for number in range(1, rounds + 1):
            for level in clients:
                for service in services:
                    load = _load(service, bodies, clients=level, seconds=seconds)
                    samples.append(
                        ServingSample(
                            service=service.name,
                            round=number,
                            clients=level,
                            per_s=load.per_s,
                            p50_ms=load.p50_ms,
                            p99_ms=load.p99_ms,
                            rss_mib=service.process.rss_bytes() / 2**20,
                        )
                    )
    return samples


def _load(service: _Service, bodies: Path, *, clients: int, seconds: int) -> Load:
    return post_tickets(service.url, connections=clients, seconds=seconds, bodies=bodies, api_key=KEY)


def _start(directory: Path, children: Children, name: str, module: str, model: ModelSettings) -> _Service:
    settings = Settings(
        state_dir=directory / module,
        model=model,
        prediction_api=PredictionApiSettings(port=free_port(), api_key=SecretStr(KEY), requests_per_minute=UNLIMITED),
    )
    with closing(open_store(settings)) as store:
        store.migrate()
    url = f"http://127.0.0.1:{settings.prediction_api.port}"
    process = children.python(module, "-m", module, environment=environment_of(settings))
    process.wait_until(lambda: answers(f"{url}/ready"), what="to serve", limit_s=300)
    return _Service(name, f"{url}/predict", process)
