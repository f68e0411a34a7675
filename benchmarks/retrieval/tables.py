"""The retrieval benchmark's tables: rankings on each set, the gate, and what a search costs."""

from collections.abc import Mapping, Sequence

from benchmarks.figures import number
from benchmarks.report import Table
from benchmarks.retrieval.cost import CostSample
from benchmarks.retrieval.gate import GateSample
from benchmarks.retrieval.measures import Sample, means

_MEASURES: Mapping[str, Sequence[str]] = {
    "support_kb": ("hit@5", "hit@10", "MRR@10", "same-intent hit@1", "same answer at 1"),
    "ours": ("hit@1", "hit@3", "hit@5", "MRR@10", "same-intent hit@1"),
}
_TITLES = {
    "support_kb": "Public support set: 418 documents",
    "ours": "Our knowledge base: tickets of held-out templates",
}
_NOTES: Mapping[str, Sequence[str]] = {
    "support_kb": (
        "hit@k and MRR@10: the exact document of the question. Same intent: the first document has the intent of that "
        "document. Same answer: the first document's response has a cosine of 0.8 or more with that document's.",
    ),
    "ours": (
        "One ticket each of held-out templates, 9 per intent, whose right articles a reader named before anything was "
        "searched; hit@k: one of them is among the first k. Tickets without any are left out.",
    ),
}
_GATE_TITLES = {"support_kb": "Can it answer? Public support set", "ours": "Can it answer? Our knowledge base"}


def ranking_tables(samples: Sequence[Sample]) -> list[Table]:
    """Return a table per set, in percent: over all questions, and each half by itself."""
    return [
        _ranking(data, [sample for sample in samples if sample.data == data])
        for data in dict.fromkeys(sample.data for sample in samples)
    ]


def _ranking(data: str, samples: Sequence[Sample]) -> Table:
    rows = []
    for system in dict.fromkeys(sample.system for sample in samples):
        own = sorted((sample for sample in samples if sample.system == system), key=lambda sample: sample.half)
        shares = [means(own), *(means([sample]) for sample in own)]
        row = [" | ".join(f"{one[measure] * 100:.1f}" for one in shares) for measure in _MEASURES[data]]
        settings = dict.fromkeys(sample.settings for sample in own if sample.settings)
        rows.append([system, *row, "; ".join(settings)])
    notes = (
        *_NOTES[data],
        "Percent: all questions | those of half 0 | those of half 1. Documents are halved by a hash. Where settings "
        "are named, each half was answered with what served the other half best; so no question chose its own.",
    )
    questions = sum(sample.questions for sample in samples if sample.system == samples[0].system)
    title = f"{_TITLES[data]}, {questions:,} questions"
    return Table(title, ["percent", *_MEASURES[data], "settings"], rows, notes)


def gate_tables(samples: Sequence[GateSample]) -> list[Table]:
    """Return a table per set: AUROC by kind of question, and the share of questions answered right."""
    return [
        _gate(data, [sample for sample in samples if sample.data == data])
        for data in dict.fromkeys(sample.data for sample in samples)
    ]


def _gate(data: str, samples: Sequence[GateSample]) -> Table:
    kinds, measured = list(samples[0].auroc), list(samples[0].given)
    columns = [
        "score",
        *(f"AUROC, {kind}" for kind in kinds),
        *(f"answered right at 95 %: {one}" for one in measured),
        *(f"threshold of the other half: {one}" for one in measured),
    ]
    rows = [
        [
            sample.score,
            *(" | ".join(f"{value:.3f}" for value in sample.auroc[kind]) for kind in kinds),
            *(f"{sample.given[one] * 100:.1f} %" for one in measured),
            *(f"{sample.carried[one][0] * 100:.1f} % at {sample.carried[one][1] * 100:.1f} %" for one in measured),
        ]
        for sample in samples
    ]
    notes = (
        "Answerable: all questions of the set, asked of its whole knowledge base. AUROC: all questions | half 1, which "
        "the evidence has not learnt from.",
        "Intent withheld, the same-domain questions: the same questions, asked of the knowledge base without any "
        "article of their intent. Article withheld: only the right articles are taken out, and their neighbours stay.",
        "Answered right: share of the answerable questions, in the hard pool of them and as many with the intent "
        "withheld; precision counts every answer to the latter as wrong. Intent: the first passage has the question's "
        "intent. Article: a right article is among the first three, which a writer reads.",
    )
    return Table(_GATE_TITLES[data], columns, rows, notes)


def cost_table(samples: Sequence[CostSample]) -> Table:
    """Return what a search costs."""
    rows = [
        [
            f"{sample.data}, {sample.articles} articles",
            f"{sample.encoder_runs:.2f}",
            number(sample.encode_ms),
            number(sample.search_ms),
            f"{sample.ratio:.2f}",
        ]
        for sample in samples
    ]
    notes = (
        "The shipped search, local index, one question at a time, beside an encoding of the same text; medians.",
        "Encodings: the time of the whole search, encoding included, over that of one encoding of its question.",
    )
    columns = ["knowledge base", "encoder runs", "encoding, ms", "search, ms", "search, in encodings"]
    return Table("Cost of a search", columns, rows, notes)
