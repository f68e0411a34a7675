"""Write the labelled training tickets: expand the grammar in `data/grammar` with a seed, byte for byte repeatable."""

from __future__ import annotations

import argparse
import json
import random
import re
import string
import sys
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from models.near_duplicates import Groups, near_keys, normal_form

DATA = Path(__file__).resolve().parent
OUT_OF_SCOPE = "out_of_scope"
OUT_OF_SCOPE_SHARE = 4  # rows of out_of_scope, in units of one intent's rows: it must cover far more ground
SHARED_FILES = ("slots", "styles", "noise")
HELD_OUT_PER_BLOCK, BLOCK = 3, 20  # of every 20 templates of an intent, 3 go to validation and 3 to test
ATTEMPTS = 40  # draws of one template without a new text before it counts as exhausted

REDRAWS = 5
WORDINGS = 12  # ways of choosing a template's alternatives that are compared with those of others
CAPITALS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # without those that are easily taken for digits

GROUP = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"(\b[Aa] )?\{(\w+)\}")
PIECES = ("opener", "context", "closer", "sign_off")

# Words that frame a request without saying what it is about: templates that differ in nothing else are one family.
FRAME_WORDS = (
    "a am an and any anybody are at be by can could d do does for from get give have help hey hi how i if in is it "
    "just kindly let like ll m may me my need of on or our please pls possible s some somebody someone tell that the "
    "there this to u us want wanna was way we what where which will wish with would you your"
)


class GrammarError(Exception):
    """The grammar cannot be expanded; the message lists every fault with its place."""


@dataclass(frozen=True)
class Template:
    """One hand-written sentence pattern; `id` is `<intent>/<number>` and the number is its place in the file."""

    intent: str
    number: int
    style: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.intent}/{self.number:03d}"


@dataclass(frozen=True)
class Grammar:
    """Everything that the YAML files say, checked."""

    templates: Mapping[str, Sequence[Template]]  # by intent
    values: Mapping[str, Sequence[str]]  # slot -> texts that may hold groups and slots
    patterns: Mapping[str, Sequence[str]]  # slot -> texts in which `#` is a digit and `%` a capital letter
    styles: Mapping[str, Mapping[str, Any]]
    registers: Mapping[str, Mapping[str, Sequence[str]]]
    noise: Mapping[str, Any]


def load_grammar(folder: Path) -> Grammar:
    """Read and check every YAML file of the grammar; a GrammarError lists all the faults at once."""
    documents = {path.stem: read_yaml(path) for path in sorted(folder.glob("*.yaml"))}
    if missing := [f"{name}.yaml: missing in {folder}" for name in SHARED_FILES if name not in documents]:
        raise GrammarError("\n".join(missing))
    slots, styles, noise = (documents.pop(name) for name in SHARED_FILES)
    templates: dict[str, list[Template]] = {}
    for intent, document in documents.items():
        templates[intent] = []
        for number, entry in enumerate(document.get("templates") or [], start=1):
            if not isinstance(entry, dict) or len(entry) != 1:
                raise GrammarError(f'{intent}/{number:03d}: not of the form `style: "text"`: {entry!r}')
            templates[intent].append(Template(intent, number, *next(iter(entry.items()))))
    grammar = Grammar(templates, slots["values"], slots["patterns"], styles["styles"], styles["registers"], noise)
    if faults := list(find_faults(grammar)):
        raise GrammarError("\n".join(faults))
    return grammar


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds; otherwise a GrammarError names the file and, if known, the line."""
    try:
        return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise GrammarError(f"{path.name}: no YAML mapping: {error}") from error


def find_faults(grammar: Grammar) -> Iterator[str]:
    """Yield one readable line per fault, each starting with the place to mend."""
    texts = [(f"slots.yaml: {slot}", text) for slot, values in grammar.values.items() for text in values]
    for name, pieces in grammar.registers.items():
        texts += [(f"styles.yaml: {name}.{piece}", text) for piece in PIECES for text in pieces[piece]]
    first_use: dict[tuple[str, str], str] = {}
    for intent, templates in grammar.templates.items():
        texts += [(template.id, template.text) for template in templates]
        for template in templates:
            if template.style not in grammar.styles:
                yield f"{template.id}: unknown style '{template.style}' (known: {', '.join(sorted(grammar.styles))})"
            earlier = first_use.setdefault((intent, normalise(str(template.text))), template.id)
            if earlier != template.id:
                yield f"{template.id}: duplicate of template {earlier}"
    known_slots = grammar.values.keys() | grammar.patterns.keys()
    for place, text in texts:
        yield from text_faults(place, text, known_slots)


def text_faults(place: str, text: object, known_slots: set[str]) -> Iterator[str]:
    """Yield the faults of one text that is to be expanded."""
    if not isinstance(text, str) or not text.strip():
        yield f"{place}: empty text"
        return
    rest = text
    while GROUP.search(rest):
        rest = GROUP.sub("", rest)
    if set("[]") & set(rest):
        yield f"{place}: unbalanced [ or ] in '{text}'"
    for _, slot in SLOT.findall(text):
        if slot not in known_slots:
            yield f"{place}: unknown slot '{{{slot}}}' in '{text}'"
    if set("{}") & set(SLOT.sub("", text)):
        yield f"{place}: stray {{ or }} in '{text}'"


def expand(text: str, grammar: Grammar, rng: random.Random) -> str:
    """Choose one alternative of every `[a|b|]` and fill every `{slot}`."""
    used: set[str] = set()

    def fill(slot: re.Match[str]) -> str:
        article, name = slot[1] or "", slot[2]
        for _ in range(REDRAWS):  # a slot that stands twice in a text should not say the same twice
            value = draw_value(name, grammar, rng)
            if value not in used:
                break
        used.add(value)
        return (article.replace(" ", "n ") if article and value[0] in "aeiouAEIOU" else article) + value

    return SLOT.sub(fill, choose(text, rng))


def choose(text: str, rng: random.Random) -> str:
    """Choose one alternative of every `[a|b|]`, innermost first."""
    while GROUP.search(text):
        text = GROUP.sub(lambda group: rng.choice(group[1].split("|")), text)
    return text


def draw_value(slot: str, grammar: Grammar, rng: random.Random) -> str:
    """Return one text for a slot: a pattern with its marks drawn, or a value expanded in turn."""
    if slot not in grammar.patterns:
        return expand(rng.choice(grammar.values[slot]), grammar, rng)
    pattern = rng.choice(grammar.patterns[slot])
    return re.sub("[#%]", lambda mark: rng.choice(string.digits if mark[0] == "#" else CAPITALS), pattern)


def compose(template: Template, grammar: Grammar, rng: random.Random) -> str:
    """Expand a template and put the opener, context, closer and sign-off of its style around it."""
    style = grammar.styles[template.style]
    register = grammar.registers[style["register"]]
    drawn = {
        piece: expand(rng.choice(register[piece]), grammar, rng) if rng.random() < style.get(piece, 0) else ""
        for piece in PIECES
    }
    body = expand(template.text, grammar, rng).strip()
    middle = [part for part in (drawn["context"], body, drawn["closer"]) if part]
    text = " ".join(part[0].upper() + part[1:] if style.get("capital", True) else part for part in middle)
    gap = style.get("gap", " ")
    if re.search(r"[\w,]$", drawn["opener"]) and "\n" not in gap and not re.match(r"I\b|[A-Z]{2}", text):
        text = text[:1].lower() + text[1:]
    return tidy(gap.join(part for part in (drawn["opener"], text, drawn["sign_off"]) if part))


def tidy(text: str) -> str:
    """Remove the double spaces and stray punctuation that empty alternatives leave."""
    text = re.sub(r" +", " ", text)
    text = re.sub(r" +([,.!?;:\n])|(?<=\n) +", lambda found: found[1] or "", text)
    return re.sub(r"([.!?]),", r"\1", text).strip(" ,")


def add_noise(text: str, noise: Mapping[str, Any], rng: random.Random) -> str:
    """Return the text as a hurried person types it: every operation has its own probability, none may strike."""
    chosen = {operation for operation, probability in noise["operations"].items() if rng.random() < probability}
    noisy = abbreviate(text, noise["abbreviations"], rng) if "abbreviations" in chosen else text
    if "typos" in chosen:
        noisy = misspell(noisy, noise, rng)
    if "no_apostrophes" in chosen:
        noisy = noisy.replace("'", "")
    if "run_on" in chosen:
        noisy = re.sub(r"[.!,;]\s+(\w)", lambda found: f" {found[1].lower()}", noisy)
    if "no_punctuation" in chosen:
        noisy = re.sub(r"[.,!?;:]+(?=\s|$)", "", noisy)
    if "upper_case" in chosen:
        noisy = noisy.upper()
    if "lower_case" in chosen:
        noisy = noisy.lower()
    if "emoji" in chosen:
        noisy = f"{noisy} {rng.choice(noise['emoji'])}"
    return noisy


def abbreviate(text: str, abbreviations: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """Shorten most of the phrases that have a common short form."""
    for phrase, short_forms in abbreviations.items():
        if rng.random() < 0.7:
            text = re.sub(rf"\b{re.escape(phrase)}\b", rng.choice(short_forms), text, flags=re.IGNORECASE)
    return text


def misspell(text: str, noise: Mapping[str, Any], rng: random.Random) -> str:
    """Put typing errors into a share of the words of plain letters, never into numbers, codes or addresses."""
    words = re.split(r"(\s+)", text)
    places = [at for at, word in enumerate(words) if re.fullmatch(r"[A-Za-z']{4,}[.,!?]*", word)]
    # Rounded at random, not to at least one: else every second word of a short query would be misspelt.
    wanted = int(len(places) * rng.uniform(*noise["misspelt_share"]) + rng.random())
    for at in rng.sample(places, min(wanted, len(places))):
        words[at] = misspell_word(words[at], noise["neighbours"], rng)
    return "".join(words)


def misspell_word(word: str, neighbours: Mapping[str, str], rng: random.Random) -> str:
    """Return the word with a neighbouring key hit, two letters swapped, one dropped or one doubled."""
    at = rng.randrange(1, len(word.rstrip(".,!?")) - 1)
    head, letter, following, tail = word[:at], word[at], word[at + 1], word[at + 2 :]
    slip = rng.choice(neighbours.get(letter.lower(), letter))
    return head + rng.choice((slip + following, following + letter, following, letter * 2 + following)) + tail


def normalise(text: str) -> str:
    """Fold case, punctuation, spaces and digits: two texts that agree here count as the same text."""
    return " ".join(re.sub(r"\d+", "0", word) for word in re.findall(r"\w+", text.casefold().replace("'", "")))


def split_of(template: Template, seed: int) -> str:
    """Return the split of a whole template; it depends on the seed and the id alone, so new templates move none."""
    block, place = divmod(template.number - 1, BLOCK)
    lots = [sha256(f"{seed}/{template.intent}/{block}/{at}".encode()).hexdigest() for at in range(BLOCK)]
    rank = sorted(lots).index(lots[place])
    return "test" if rank < HELD_OUT_PER_BLOCK else "validation" if rank < 2 * HELD_OUT_PER_BLOCK else "train"


def family_of(template: Template) -> frozenset[str]:
    """Return the words that carry a template's meaning; those that agree in them must not stand in two splits."""
    words = frozenset(re.findall(r"\w+", template.text.casefold()))
    return words.difference(FRAME_WORDS.split()) or words


def heads_of_families(templates: Sequence[Template]) -> list[Template]:
    """Return the first member of each template's family, which decides the split of all.

    A family are templates of one intent that differ only in framing words or, in some wording, in one word.
    """
    groups = Groups(len(templates))
    first_with: dict[Hashable, int] = {}
    for place, template in enumerate(templates):
        rng = random.Random(template.id)
        forms = {normal_form(choose(template.text, rng)) for _ in range(WORDINGS)}
        near = (key for form in forms for key in near_keys(form, template.intent))
        for key in (family_of(template), *forms, *near):
            groups.join(place, first_with.setdefault(key, place))
    return [templates[groups.of(place)] for place in range(len(templates))]


class Accepted:
    """What the rows drawn so far say: no text comes twice, and none is near a text of another split."""

    def __init__(self) -> None:
        self._said: set[Hashable] = set()
        self._split_of: dict[Hashable, str] = {}

    def take(self, text: str, intent: str, split: str) -> bool:
        """Return whether a text may become a row of this split; if so, it is remembered."""
        form = normal_form(text)
        said = {normalise(text), form}
        near = set(near_keys(form, intent))
        if not all(said) or not self._said.isdisjoint(said):
            return False
        if any(self._split_of.get(key, split) != split for key in near):
            return False
        self._said |= said
        self._split_of |= dict.fromkeys(near, split)
        return True


def generate(grammar: Grammar, seed: int, rows: int) -> list[dict[str, Any]]:
    """Return about `rows` labelled tickets, balanced over intents and, within a split, over templates."""
    shares = {intent: OUT_OF_SCOPE_SHARE if intent == OUT_OF_SCOPE else 1 for intent in grammar.templates}
    per_share = rows / sum(shares.values())
    accepted = Accepted()
    tickets: list[dict[str, Any]] = []
    for intent, templates in grammar.templates.items():
        splits = [split_of(head, seed) for head in heads_of_families(templates)]
        wanted = round(per_share * shares[intent])
        held_out = round(wanted * HELD_OUT_PER_BLOCK / BLOCK)
        quotas = {"train": wanted - 2 * held_out, "validation": held_out, "test": held_out}
        for split, quota in quotas.items():
            members = [template for template, place in zip(templates, splits, strict=True) if place == split]
            tickets += draw(members, split, quota, grammar, seed, accepted)
    return sorted(tickets, key=lambda ticket: str(ticket["template"]))


def draw(
    templates: Sequence[Template], split: str, quota: int, grammar: Grammar, seed: int, accepted: Accepted
) -> Iterator[dict[str, Any]]:
    """Take tickets from the templates in turn up to the quota, skipping what says nothing new; else a GrammarError."""
    turns = deque((template, 0) for template in templates)
    while quota:
        if not turns:
            names = ", ".join(template.id for template in templates) or "no template"
            raise GrammarError(f"{split}: {quota} rows short: no new text is left in {names}")
        template, draws = turns.popleft()
        for attempt in range(draws, draws + ATTEMPTS):
            # Every row has its own generator, so a changed template leaves the rows of the others as they were.
            rng = random.Random(f"{seed}/{template.id}/{attempt}")
            clean = compose(template, grammar, rng)
            share = grammar.styles[template.style].get("noise", grammar.noise["share"])
            text = add_noise(clean, grammar.noise, rng) if rng.random() < share else clean
            if accepted.take(text, template.intent, split):
                quota -= 1
                turns.append((template, attempt + 1))
                ticket = {"text": text, "intent": template.intent, "template": template.id, "style": template.style}
                yield ticket | {"noise": text != clean, "split": split}
                break


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 with the faults of the grammar on standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="same seed, same bytes (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=19_000, help="rows in all, about (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=DATA / "training_tickets.jsonl", help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        tickets = generate(load_grammar(DATA / "grammar"), options.seed, options.rows)
    except GrammarError as error:
        print(f"The grammar has faults:\n{error}", file=sys.stderr)
        return 1
    lines = "".join(json.dumps(ticket, ensure_ascii=False) + "\n" for ticket in tickets)
    options.output.write_text(lines, encoding="utf-8", newline="\n")
    print(f"{len(tickets)} tickets written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
