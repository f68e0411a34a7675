"""Dividing rows into train, validation and test so that nothing held out was seen in training: groups stay whole."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

SPLITS = ("train", "validation", "test")
SHARES: Mapping[str, float] = {"train": 0.70, "validation": 0.15, "test": 0.15}


def divide(
    groups: Sequence[int], labels: Sequence[str], *, seed: int, shares: Mapping[str, float] = SHARES
) -> list[str]:
    """Return each row's split.

    Each label is divided by itself, so that rare ones are held out too. Its largest groups come first, then in an order
    that the seed draws; each goes where most is missing. A label with a single group is all in train.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    by_label: dict[str, list[list[int]]] = defaultdict(list)
    for rows in members.values():
        by_label[Counter(labels[row] for row in rows).most_common(1)[0][0]].append(rows)

    splits = [""] * len(groups)
    rng = random.Random(seed)
    for label in sorted(by_label):
        label_groups = by_label[label]
        rng.shuffle(label_groups)
        label_groups.sort(key=len, reverse=True)
        total = sum(len(rows) for rows in label_groups)
        missing = {split: share * total for split, share in shares.items()}
        for rows in label_groups:
            split = max(missing, key=lambda name: missing[name])
            missing[split] -= len(rows)
            for row in rows:
                splits[row] = split
    return splits
