"""Which texts say the same: equal once read as the models read them, or different in one word only."""

import re
from collections.abc import Hashable, Iterator, Sequence

from models.preprocess import clean

MIN_WORDS = 5
"""Of fewer words, one is too much of the text: "refund my order" is not "cancel my order"."""
MAX_WORDS = 60
_WORD = re.compile(r"\w+(?:['’]\w+)*")


def normal_form(text: str) -> tuple[str, ...]:
    """Return a text's words without casing, punctuation, quoted threads and figures; without words, the text itself."""
    return tuple(_WORD.findall(clean(text).casefold())) or (text.strip(),)


class Groups:
    """Sets of rows that belong together, joined as links between them become known (union-find)."""

    def __init__(self, rows: int) -> None:
        self._parent = list(range(rows))

    def of(self, row: int) -> int:
        """Return the first row of the group that this row is in."""
        while self._parent[row] != row:
            self._parent[row] = row = self._parent[self._parent[row]]
        return row

    def join(self, one: int, other: int) -> None:
        """Make one group of the groups of two rows."""
        first, second = sorted((self.of(one), self.of(other)))
        self._parent[second] = first


def near_duplicate_groups(forms: Sequence[tuple[str, ...]], labels: Sequence[str]) -> Groups:
    """Return the groups of rows with equal forms, or with one label and forms that differ in at most one word.

    Found in time that is linear in the words: two such forms become equal when the right word is left out of each.
    """
    groups = Groups(len(forms))
    first_with: dict[Hashable, int] = {}
    for row, (form, label) in enumerate(zip(forms, labels, strict=True)):
        groups.join(row, first_with.setdefault(form, row))
        for key in near_keys(form, label):
            groups.join(row, first_with.setdefault(key, row))
    return groups


def near_keys(form: tuple[str, ...], label: str) -> Iterator[Hashable]:
    """Yield keys of which near-duplicates share one: (label, words before the gap, words after it)."""
    if MIN_WORDS <= len(form) <= MAX_WORDS:
        for gap in range(len(form)):
            yield hash((label, form[:gap], form[gap + 1 :]))
        for gap in range(len(form) + 1):  # one word more elsewhere
            yield hash((label, form[:gap], form[gap:]))
