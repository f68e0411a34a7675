"""``python -m benchmarks.retrieval``: our retrieval beside its peers and parts, and the gate behind it."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.environment import forget_settings
from benchmarks.machine import machine
from benchmarks.processes import PROJECT_DIR, BenchmarkFailed, stop_in_order_when_told
from benchmarks.report import Report
from benchmarks.retrieval import systems
from benchmarks.retrieval.cost import CostSample, measure_cost
from benchmarks.retrieval.gate import GateSample, Pools, measure
from benchmarks.retrieval.measures import Judge, Sample, Shares
from benchmarks.retrieval.reading import Reader
from benchmarks.retrieval.sets import QuestionSet, clinc_out_of_scope, our_out_of_scope, our_own, support_kb
from benchmarks.retrieval.systems import Query, Ranker
from benchmarks.retrieval.tables import cost_table, gate_tables, ranking_tables
from benchmarks.terminal import Steps, new_console
from helpdesk.adapters.retrieval import TokenStore, Tuning

PACKAGES = ("sentence-transformers", "torch", "bm25s", "PyStemmer", "minsearch", "chromadb", "numpy")
SAME_DOMAIN, FOREIGN = "intent withheld", "out of scope (CLINC150)"


def main(
    datasets: Annotated[
        Path, typer.Option(envvar="RETRIEVAL_DATASETS", help="Folder of the public data sets.")
    ] = PROJECT_DIR.parent / "shared" / "datasets",
    cost_questions: Annotated[int, typer.Option(min=1, help="How many searches are timed on each set.")] = 200,
    cache: Annotated[Path | None, typer.Option(help="Folder to keep encodings and predictions in.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = PROJECT_DIR / "benchmarks" / "results",
) -> None:
    """Rank, judge and time. Settings are chosen on one half of the documents and judged on the other, both ways."""
    forget_settings()
    stop_in_order_when_told()
    console = new_console()
    started_at = datetime.now(UTC)
    try:
        with tempfile.TemporaryDirectory(prefix="helpdesk-retrieval-") as name, Steps(console, 6) as steps:
            facts = machine(PACKAGES, directory=Path(name))
            reader = Reader(cache)
            sets = [support_kb(datasets), our_own()]
            steps.next("reading all questions and articles")
            asked = {data.name: systems.queries(reader, [one.text for one in data.questions]) for data in sets}
            judges = {data.name: _judge(data, reader) for data in sets}
            tokens = systems.token_store(reader)
            steps.next("rankings of the peers")
            samples = [sample for data in sets for sample in _peers(data, asked[data.name], judges, reader, tokens)]
            steps.next("our rankings, by setting")
            samples += _ours(sets, asked, judges, reader, tokens)
            steps.next("the gate")
            foreign = {FOREIGN: systems.queries(reader, clinc_out_of_scope(datasets))}
            own_foreign = {"our own out-of-scope tickets": systems.queries(reader, our_out_of_scope())}
            gates = [
                *_gate(sets[0], asked["support_kb"], foreign, reader, tokens),
                *_gate(sets[1], asked["ours"], foreign | own_foreign, reader, tokens),
            ]
            costs: list[CostSample] = []
            for data in sets:
                steps.next(f"cost on {data.name}")
                costs.append(measure_cost(data, Path(name), questions=cost_questions))
    except BenchmarkFailed as error:
        sys.exit(str(error))
    report = Report(
        benchmark="Retrieval",
        started_at=started_at,
        settings={
            "shipped": _named(Tuning()),
            "intent model": asked["ours"][0].prediction.model_version,
            "searches timed per set": cost_questions,
        },
        machine=facts,
        tables=[*ranking_tables(samples), *gate_tables(gates), cost_table(costs)],
        samples=[*map(asdict, samples), *map(asdict, gates), *map(asdict, costs)],
    )
    report.print(console)
    for path in report.save(out, "retrieval"):
        console.print(f"Written: {path}")


def _judge(data: QuestionSet, reader: Reader) -> Judge:
    return Judge(data, reader.encode([article.body for article in data.articles]))


def _peers(
    data: QuestionSet, asked: Sequence[Query], judges: Mapping[str, Judge], reader: Reader, tokens: TokenStore
) -> list[Sample]:
    judge = judges[data.name]
    index = systems.index_of(data.articles, reader, tokens, Tuning())
    samples = []
    for name, ranker in {"minsearch": systems.minsearch(data, None), **systems.peers(data, index)}.items():
        samples += [_sample(data, name, half, _shares(data, asked, ranker, judge, half)) for half in (0, 1)]
    boosted = {
        f"question × {boost:g}": _both(data, asked, systems.minsearch(data, boost), judge) for boost in systems.BOOSTS
    }
    for half in (0, 1):
        best = max(boosted, key=lambda name: boosted[name][1 - half]["MRR@10"])
        samples.append(_sample(data, "minsearch, boosted", half, boosted[best][half], best))
    return samples


def _ours(
    sets: Sequence[QuestionSet],
    asked: Mapping[str, Sequence[Query]],
    judges: Mapping[str, Judge],
    reader: Reader,
    tokens: TokenStore,
) -> list[Sample]:
    """Return our rankings as shipped, and with the setting that does best on the other half of both sets together."""
    tried: dict[Tuning, Mapping[str, Sequence[Shares]]] = {}
    for tuning in systems.GRID:
        tried[tuning] = {
            data.name: _both(
                data,
                asked[data.name],
                systems.shipped(systems.index_of(data.articles, reader, tokens, tuning)),
                judges[data.name],
            )
            for data in sets
        }
    samples = []
    for half in (0, 1):
        best = max(tried, key=lambda tuning: _worth(tried[tuning], 1 - half))
        for data in sets:
            found = tried[best][data.name][half]
            samples.append(_sample(data, "Helpdesk, tuned on the other half", half, found, _named(best)))
            samples.append(_sample(data, "Helpdesk, as shipped", half, tried[Tuning()][data.name][half]))
    return samples


def _worth(found: Mapping[str, Sequence[Shares]], half: int) -> float:
    return found["support_kb"][half]["MRR@10"] + found["ours"][half]["hit@3"]


def _gate(
    data: QuestionSet,
    asked: Sequence[Query],
    foreign: Mapping[str, Sequence[Query]],
    reader: Reader,
    tokens: TokenStore,
) -> list[GateSample]:
    index = systems.index_of(data.articles, reader, tokens, Tuning())
    pools = Pools(data, asked, index, reader, tokens)
    unanswerable = {name: pools.foreign(queries) for name, queries in foreign.items()}
    unanswerable |= {SAME_DOMAIN: pools.without_intent(Tuning()), "article withheld": pools.without_article()}
    return measure(data.name, pools.answerable(), SAME_DOMAIN, unanswerable)


def _both(data: QuestionSet, asked: Sequence[Query], ranker: Ranker, judge: Judge) -> list[Shares]:
    return [_shares(data, asked, ranker, judge, half) for half in (0, 1)]


def _shares(
    data: QuestionSet, asked: Sequence[Query], ranker: Callable[[Query], list[str]], judge: Judge, half: int
) -> Shares:
    pairs = [pair for pair in zip(data.questions, asked, strict=True) if pair[0].half == half]
    return judge.shares([question for question, _ in pairs], [ranker(query) for _, query in pairs])


def _sample(data: QuestionSet, system: str, half: int, shares: Shares, settings: str = "") -> Sample:
    count = sum(question.half == half for question in data.questions)
    return Sample(data.name, system, half, count, shares, settings)


def _named(tuning: Tuning) -> str:
    return f"prior {tuning.prior:g}, cosine {tuning.cosine:g}"


if __name__ == "__main__":
    typer.run(main)
