"""Finds sentences that claim something was done, will be done or is owed, which only a person may say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_DONE = (
    r"accepted|activated|added|adjusted|applied|approved|arranged|authori[sz]ed|awarded|blocked|booked|cancell?ed"
    r"|changed|checked|cleared|closed|compensated|completed|confirmed|contacted|corrected|created|credited|deactivated"
    r"|deleted|deposited|dispatched|done|escalated|extended|fixed|forwarded|generated|given|granted|informed|initiated"
    r"|investigated|issued|logged|merged|moved|notified|opened|ordered|paid|passed|posted|processed|raised|rebooked"
    r"|received|redirected|refunded|registered|reimbursed|reinstated|released|removed|renewed|replaced|reported"
    r"|requested|reserved|reset|resolved|restored|returned|reversed|reviewed|scheduled|sent|settled|shipped|sorted"
    r"|started|stopped|submitted|switched|transferred|triggered|unblocked|unlocked|unsubscribed|updated|upgraded"
    r"|verified|waived|withdrawn"
)
_SOON = r"(?:(?:now|just|already|also|hereby|since|successfully|fully|today|gladly|immediately|automatically)\s+){0,3}"
_WE = r"\b(?:I|we|our\s+(?:team|system|colleagues?)|(?:the|your)\s+(?:team|agent|system)|Tarnbrook)"
_GIFT = r"(?:refund|money|compensation|reimbursement|voucher|discount|credit|replacement|upgrade|bonus)"

_CLAIM = re.compile(
    rf"""
    {_WE}(?:'ve|\s+have|\s+has|\s+had|'d)?\s+{_SOON}(?:{_DONE})\b                     # we have refunded, I cancelled
  | (?<!\byou)(?:'s|'ve|'d|\s+(?:has|have|had))\s+{_SOON}(?:been\s+)?{_SOON}(?:{_DONE})\b    # has been refunded
  | \b(?:was|were|got)\s+{_SOON}(?:{_DONE})\b                                         # was refunded
  | {_WE}(?:'ll|\s+(?:will|shall|can|could|would)|(?:'m|'re|\s+am|\s+are)\s+going\s+to)
        \s+(?!(?:be\s+(?:happy|glad)|help|explain)\b){_SOON}\w+                        # we will refund
  | {_WE}(?:'m|'re|\s+am|\s+are)\s+{_SOON}\w+ing\b                                    # I am refunding
  | {_WE}\s+{_SOON}(?:approve|authori[sz]e|confirm|grant|guarantee|promise|refund|waive|owe)s?\b
  | \b(?:{_GIFT}|request|claim|cancell?ation|payment|order|return)(?:\s+\S+){{0,4}}\s+
        (?:approved|granted|accepted|authori[sz]ed|guaranteed)\b                       # refund approved
  | \byou(?:'ll|'re|\s+will|\s+are)?\s+{_SOON}(?:get|receive|have|be|entitled|eligible|owed|due|getting|receiving)\b
        [^,;]{{0,40}}\b{_GIFT}\b                                                       # you will receive a refund
  | \byour\s+(?:full\s+)?(?:{_GIFT}|parcel|order|payment)\s+is\s+(?:on|under)\b        # your refund is on its way
  | \b(?:consider\s+it\s+done|all\s+done|all\s+set|taken\s+care\s+of|guarantee[ds]?)\b
  | \b(?:hereby|legally|binding)\b | \bmoney\s+is\s+back\b | \b(?:may|can|shall)\s+keep\s+(?:the|your|it|them)\b
  | \b(?:not|n't|never)\s+(?:(?:need|have)\s+to\s+|needed\s+to\s+)?pay\b | \bneedn't\s+pay\b
  | ^\W*(?:{_DONE})\W*$                                                                # Approved!
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OWN_CASE = re.compile(
    rf"{_WE}(?:'ve|\s+have|\s+has)?\s+{_SOON}(?:{_DONE})\s+(?:\w+\s+){{0,2}}your?\b"
    rf"|\byour\s+(?:\w+\s+){{1,2}}(?:has|have|was|were)\s+{_SOON}(?:been\s+)?{_SOON}(?:{_DONE})\b",
    re.IGNORECASE,
)
"""What is said of the reader's own case, which no article can know."""
_PASSIVE = re.compile(rf"\b(?:is|are|be|been|gets?)\s+(?:being\s+)?{_SOON}({_DONE})\b", re.IGNORECASE)
_CONDITION = re.compile(
    r"\b(?:if|once|when|whenever|as soon as|after|before|until|unless|whether|while|as long as|only)\b", re.IGNORECASE
)
_CLAUSE = re.compile(r"[^.!?;:\n]+")
_LONG_ENOUGH_TO_BE_A_QUOTE = 6
_SECRET = re.compile(
    r"\b(?:send|reply|give|tell|provide|share|write|include|attach|confirm|state|submit"
    r"|(?:e-?mail|text|post)\s+(?:us|me|your))\b"
    r"[^.!?\n]{0,60}\b(?:passwords?|passcode|card\s+(?:number|details)|cvv|cvc|pin|iban|security\s+code"
    r"|one-time\s+code|otp|passport|identity\s+card)\b",
    re.IGNORECASE,
)
_KEY = r"(?:passwords?|passcode|card\s+(?:number|details)|cvv|cvc|pin|security\s+code|one-time\s+code|otp)"
_KEY_WANTED = re.compile(
    r"^(?:(?!\b(?:never|not|n't|no|nobody|without)\b)[^.!?\n])*?\b(?:(?:send|reply|give|tell|provide|submit)\b"
    rf"[^.!?\n]{{0,60}}\b{_KEY}\b(?!\s+(?:covered|hidden))"
    rf"|(?:enter|type|put)\b[^.!?\n]{{0,60}}\b{_KEY}\b[^.!?\n]{{0,40}}\b(?:here|chat|reply|below|e-?mail)\b)",
    re.IGNORECASE,
)
"""A request for what no shop asks for in a message, whoever wrote it into an article."""
_OF_ITSELF = re.compile(
    r"\b(?:system\s+prompt|my\s+(?:instructions|prompt|guidelines|rules)|as\s+an?\s+(?:ai|language\s+model|chatbot)"
    r"|language\s+model|(?:previous|prior|above)\s+instructions|developer\s+mode|jailbreak)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Source:
    """What a source says, in forms that wordings are looked up in."""

    squeezed: str
    clauses: frozenset[str]
    passives: tuple[tuple[str, frozenset[str]], ...]


def promise(text: str, sources: Sequence[str]) -> str | None:
    """Return the first claim of the text that no source makes, or None.

    A clause that stands in a source is the source's own, unless it tells of the reader's case as a fact. Apart from
    it, a phrase such as "has been packed" may be used where a source uses it, under a condition ("once it has been
    packed"): that tells when, and claims nothing.
    A general passive ("the return is checked") may also be reworded, of the same thing.
    """
    read = [_read(source) for source in sources]
    for clause in _CLAUSE.findall(text):
        own = _OWN_CASE.search(clause)
        if own is not None and _CONDITION.search(clause, 0, own.start()) is None:
            return own.group().strip()
        squeezed = _squeezed(clause)
        quotable = len(clause.split()) >= _LONG_ENOUGH_TO_BE_A_QUOTE
        if any(squeezed in source.clauses or (quotable and squeezed in source.squeezed) for source in read):
            continue
        for found in _CLAIM.finditer(clause):
            if not _is_conditional(clause, found, read):
                return found.group().strip()
        for found in _PASSIVE.finditer(clause):
            participle, subject = _gist(clause, found)
            same = any(participle == other and subject & theirs for source in read for other, theirs in source.passives)
            if not same and not _is_conditional(clause, found, read):
                return found.group().strip()
    return None


def request_for_secret(text: str, sources: Sequence[str]) -> str | None:
    """Return the first request for a password, card number or the like, also where a source makes it; a request for
    papers or an account's number only where none does."""
    for clause in _CLAUSE.findall(text):
        if wanted := _KEY_WANTED.search(clause.strip()):
            return wanted.group()
    return _first_unknown(_SECRET, text, sources)


def talk_of_itself(text: str, sources: Sequence[str]) -> str | None:
    """Return the first words in which the answer speaks of its instructions or of being a machine."""
    return _first_unknown(_OF_ITSELF, text, sources)


@lru_cache(maxsize=2048)
def _read(source: str) -> _Source:
    clauses = _CLAUSE.findall(source)
    return _Source(
        squeezed=_squeezed(source),
        clauses=frozenset(map(_squeezed, clauses)),
        passives=tuple(_gist(clause, found) for clause in clauses for found in _PASSIVE.finditer(clause)),
    )


def _is_conditional(clause: str, found: re.Match[str], sources: Sequence[_Source]) -> bool:
    if _CONDITION.search(clause, 0, found.start()) is None:
        return False
    return any(_squeezed(found.group()) in source.squeezed for source in sources)


def _gist(clause: str, passive: re.Match[str]) -> tuple[str, frozenset[str]]:
    """Return a passive's participle, and the stems of the few words before it, where its subject stands."""
    before = re.findall(r"[^\W\d_]{3,}", clause[: passive.start()])[-4:]
    return passive.group(1).lower(), frozenset(word[:5].lower() for word in before) - {"your", "the", "will"}


def _first_unknown(pattern: re.Pattern[str], text: str, sources: Sequence[str]) -> str | None:
    read = [_read(source) for source in sources]
    for found in pattern.findall(text):
        if not any(_squeezed(found) in source.squeezed for source in read):
            return str(found)
    return None


def _squeezed(text: str) -> str:
    return "".join(text.split()).lower()
