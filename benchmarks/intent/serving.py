"""The prediction service under load: around our model and a linear SVC, beside a shadow, and while versions change."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from benchmarks.environment import environment_of
from benchmarks.intake.load import Load, post_tickets, write_bodies
from benchmarks.intent.corpora import our_own
from benchmarks.processes import Child, Children, answers
from helpdesk.settings import ModelSettings, PredictionApiSettings, Settings
from helpdesk.wiring import open_store
from models.artifact import FAMILY, MANIFEST, load_artifact
from models.gate import Verdict
from models.registry import Registry
from models.registry_file import RegistryFile, noted
from tests.servers import free_port

UNLIMITED = 1_000_000_000
BODIES = 2_000
KEY = "benchmark"
SHADOWED, SWITCHED = "Helpdesk, a version in shadow", "Helpdesk, versions switched every 2 s"
_VERSIONS = ("first", "second")
_SWITCH_EVERY_S = 2.0


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
    artifacts_dir: Path


def measure_serving(
    directory: Path, *, artifacts_dir: Path, encoder_dir: Path, clients: list[int], rounds: int, seconds: int
) -> list[ServingSample]:
    """Start the services and measure them in turn, round after round.

    A switch loads the other version, tries it and lets it take over, under full load; a refused request would end the
    measurement.
    """
    texts = [row.text for row in our_own().rows if row.split == "test"]
    bodies = write_bodies([{"ticket": texts[n * 7 % len(texts)]} for n in range(BODIES)], directory / "texts.jsonl")
    model = ModelSettings(artifacts_dir=artifacts_dir, encoder_dir=encoder_dir)
    samples = []
    with ExitStack() as stack:
        children = stack.enter_context(Children(directory))
        start = partial(_start, directory, children)
        services = [
            start("Helpdesk", model),
            start("TF-IDF + linear SVC", model, module="benchmarks.intent.svc_service"),
            start(SHADOWED, _two_versions(model, directory / "shadowed", shadow=True)),
            start(SWITCHED, _two_versions(model, directory / "switched")),
        ]
        for service in services:
            _load(service, bodies, clients=8, seconds=2)
        for number in range(1, rounds + 1):
            for level in clients:
                for service in services:
                    with _switching(service.artifacts_dir) if service.name == SWITCHED else nullcontext():
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


def _two_versions(model: ModelSettings, directory: Path, *, shadow: bool = False) -> ModelSettings:
    """Return settings for a folder of the live artifact under two names, the second in shadow or a candidate."""
    original = RegistryFile(model.artifacts_dir).artifact().directory
    registry, note = Registry(), noted("benchmark")
    for version in _VERSIONS:
        copy = directory / FAMILY / version
        shutil.copytree(original, copy)
        manifest = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
        (copy / MANIFEST).write_text(json.dumps(manifest | {"version": version}), encoding="utf-8")
        registry = registry.register(version, load_artifact(directory, version).checksum, note)
    if shadow:
        registry = registry.put_in_shadow(_VERSIONS[1], note)
    RegistryFile(directory).change(lambda _: registry)
    return model.model_copy(update={"artifacts_dir": directory})


@contextmanager
def _switching(artifacts_dir: Path) -> Iterator[None]:
    """Make the other version live again and again while the body runs."""
    file, ended = RegistryFile(artifacts_dir), threading.Event()

    def switch() -> None:
        while not ended.wait(_SWITCH_EVERY_S):
            file.change(_with_the_other_live)

    thread = threading.Thread(target=switch, name="switching")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _with_the_other_live(registry: Registry) -> Registry:
    other = next(version for version in _VERSIONS if version != registry.live)
    checksum, note = registry.versions[other].checksum, noted("benchmark")
    verdict = Verdict(candidate=other, checksum=checksum, live=registry.live, data="", criteria=())
    return registry.register(other, checksum, note).promote(other, verdict, note)


def _start(
    directory: Path, children: Children, name: str, model: ModelSettings, *, module: str = "prediction_api"
) -> _Service:
    settings = Settings(
        state_dir=directory / name,
        model=model,
        prediction_api=PredictionApiSettings(port=free_port(), api_key=SecretStr(KEY), requests_per_minute=UNLIMITED),
    )
    with closing(open_store(settings)) as store:
        store.migrate()
    url = f"http://127.0.0.1:{settings.prediction_api.port}"
    process = children.python(name, "-m", module, environment=environment_of(settings))
    process.wait_until(lambda: answers(f"{url}/ready"), what="to serve", limit_s=300)
    return _Service(name, f"{url}/predict", process, model.artifacts_dir)
