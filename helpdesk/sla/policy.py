"""The SLA policy: a versioned file that says what is promised for which ticket, in whose business hours."""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from helpdesk.errors import InvalidData
from helpdesk.sla.hours import MINUTES_A_DAY, BusinessHours, Shift
from helpdesk.tickets import HUMAN_QUEUES, Priority, Ticket

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
REMEDY = "see docs/reference/sla-policy.md; `helpdesk sla check FILE` checks a file"

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)")
_LENGTH = re.compile(r"(?:(\d{1,4})\s*h)?\s*(?:(\d{1,5})\s*min)?")
_ALWAYS = dict.fromkeys(WEEKDAYS, ("00:00-24:00",))


def _wrong(problem: str, **context: object) -> PydanticCustomError:
    return PydanticCustomError("sla", problem, context)


def _time_zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, OSError, ValueError) as error:
        raise _wrong("no such time zone; write a name of the IANA database such as Europe/Berlin") from error


def _shift(text: object) -> Shift:
    found = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise _wrong('no hours of a day; write them in quotes as "09:00-17:30", or past midnight as "22:00-06:00"')
    start_h, start_min, end_h, end_min = map(int, found.groups())
    start, end = start_h * 60 + start_min, end_h * 60 + end_min
    if end > MINUTES_A_DAY or start == end:
        raise _wrong("no hours of a day; a shift ends at 24:00 or before, and not when it starts")
    return start, end if end > start else end + MINUTES_A_DAY


def _week(hours: object) -> object:
    if hours == "always":
        return _ALWAYS
    if not isinstance(hours, dict):
        raise _wrong("no week; write the hours of each weekday, or always")
    return hours


def _length(text: object) -> timedelta:
    found = _LENGTH.fullmatch(text.strip()) if isinstance(text, str) else None
    hours, minutes = (int(part or 0) for part in found.groups()) if found is not None else (0, 0)
    if not hours and not minutes:
        raise _wrong("no length of time; write hours and minutes as 30min, 8h or 1h 30min")
    return timedelta(hours=hours, minutes=minutes)


def _human_queue(name: str) -> str:
    if name not in HUMAN_QUEUES:
        raise _wrong("no human queue; there are: {queues}", queues=", ".join(HUMAN_QUEUES))
    return name


AnyShift = Annotated[Shift, BeforeValidator(_shift)]
Length = Annotated[timedelta, BeforeValidator(_length)]
Tier = Literal["free", "standard", "premium", "enterprise"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Calendar(_Part):
    """Working hours: a time zone, the shifts of each weekday, and days without."""

    time_zone: Annotated[ZoneInfo, BeforeValidator(_time_zone)]
    hours: Annotated[dict[Weekday, tuple[AnyShift, ...]], BeforeValidator(_week)]
    holidays: frozenset[date] = frozenset()

    @property
    def week(self) -> tuple[tuple[Shift, ...], ...]:
        """The shifts of each weekday, Monday first."""
        return tuple(self.hours.get(day, ()) for day in WEEKDAYS)

    @model_validator(mode="after")
    def _has_hours_that_do_not_overlap(self) -> Self:
        shifts = sorted(
            (day * MINUTES_A_DAY + start, day * MINUTES_A_DAY + end)
            for day, of_day in enumerate(self.week)
            for start, end in of_day
        )
        if not shifts:
            raise _wrong("the week has no open hour; give at least one day hours, or write hours: always")
        week_later = shifts[0][0] + len(WEEKDAYS) * MINUTES_A_DAY
        for (_, end), (start, _) in pairwise([*shifts, (week_later, week_later)]):
            if start < end:
                weekday = WEEKDAYS[start // MINUTES_A_DAY % len(WEEKDAYS)]
                at = f"{start // 60 % 24:02}:{start % 60:02}"
                raise _wrong(
                    "hours.{weekday}: the shift from {at} begins before the one before it has ended; join the two",
                    weekday=weekday,
                    at=at,
                )
        return self

    @cached_property
    def business_hours(self) -> BusinessHours:
        """The arithmetic of these hours."""
        return BusinessHours(self.time_zone, self.week, self.holidays)


class Rule(_Part):
    """What is promised for the tickets that fit; a condition that is left out fits all."""

    queues: tuple[Annotated[str, AfterValidator(_human_queue)], ...] | None = Field(default=None, min_length=1)
    priority: Priority | None = None
    tiers: tuple[Tier, ...] | None = Field(default=None, min_length=1)
    calendar: str
    first_reply: Length
    resolution: Length
    soon_after: float = Field(default=0.75, gt=0, lt=1)
    raise_priority: bool = False

    @property
    def fits_all(self) -> bool:
        """Whether it has no condition."""
        return self.queues is None and self.priority is None and self.tiers is None

    def fits(self, queue: str | None, priority: Priority, tier: str) -> bool:
        """Whether it counts for tickets of this queue (None: in none yet), priority and customer tier."""
        return (
            (self.queues is None or queue in self.queues)
            and (self.priority is None or priority is self.priority)
            and (self.tiers is None or tier in self.tiers)
        )

    @model_validator(mode="after")
    def _resolves_after_the_first_reply(self) -> Self:
        if self.resolution < self.first_reply:
            raise _wrong("resolution is due before first_reply; give it the same time or more")
        return self


class SlaPolicy(_Part):
    """See policy.yaml for what each rule means."""

    version: int = Field(ge=1)
    digest: str = Field(exclude=True, min_length=8, max_length=8)
    calendars: dict[str, Calendar]
    rules: tuple[Rule, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        """The version as reports show it, such as ``1-9f3a2c1b``."""
        return f"{self.version}-{self.digest}"

    def rule_for(self, ticket: Ticket) -> tuple[Rule, BusinessHours]:
        """Return the first rule that fits a ticket, and the hours that it counts in.

        A priority that was only raised because a deadline came near does not bring another deadline.
        """
        priority = Priority.NORMAL if ticket.hurried else ticket.priority
        key = (ticket.queue, priority, ticket.customer_tier)
        found = self._found.get(key)
        if found is None:
            rule = next(rule for rule in self.rules if rule.fits(*key))
            found = self._found[key] = rule, self.calendars[rule.calendar].business_hours
        return found

    @cached_property
    def _found(self) -> dict[tuple[str | None, Priority, str], tuple[Rule, BusinessHours]]:
        return {}

    @model_validator(mode="after")
    def _fits_every_ticket_and_names_what_exists(self) -> Self:
        for number, rule in enumerate(self.rules):
            if rule.calendar not in self.calendars:
                raise _wrong(
                    "rules.{number}.calendar: there is no calendar {name}; there are: {names}",
                    number=number,
                    name=repr(rule.calendar),
                    names=", ".join(self.calendars),
                )
            if rule.fits_all and rule is not self.rules[-1]:
                raise _wrong(
                    "rules.{number} fits every ticket, so that no later rule counts; move it to the end", number=number
                )
        if not self.rules[-1].fits_all:
            raise _wrong("the last of the rules must have no condition, so that every ticket has deadlines; add one")
        return self


def load_sla_policy(path: Path) -> SlaPolicy:
    """Read an SLA policy file, and the files of holidays that it names.

    Raises:
        InvalidData: not readable, not YAML, or a rule that does not fit; names the file, the field, the value and what
            to do.
    """
    try:
        raw = path.read_bytes()
        document = yaml.load(raw, yaml.BaseLoader)  # noqa: S506 - it makes text of everything, also of 1:30 and no
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidData(str(error), field=str(path), remedy=REMEDY) from error
    if not isinstance(document, dict):
        raise InvalidData("is no mapping of rules", field=str(path), remedy=REMEDY)
    digest = hashlib.sha256(raw)
    document = _with_holidays(document, path, digest)
    try:
        return SlaPolicy.model_validate({**document, "digest": digest.hexdigest()[:8]})
    except ValidationError as error:
        problems = "; ".join(_sentence(problem) for problem in error.errors(include_url=False))
        raise InvalidData(problems, field=str(path), remedy=REMEDY) from error


def _sentence(problem: Mapping[str, Any]) -> str:
    """Return where it is, what stands there, and what is wrong with it; a whole part of the file is not repeated."""
    place = ".".join(str(part) for part in problem["loc"])
    value = problem["input"]
    shown = repr(value) if isinstance(value, str | int | float | bool) else ""
    return ": ".join(part for part in (place, shown, problem["msg"]) if part)


def _with_holidays(document: Mapping[str, Any], path: Path, digest: "hashlib._Hash") -> dict[str, Any]:
    """Return the document with the dates of each calendar's ``holidays_file`` among its holidays."""
    calendars = document.get("calendars")
    if not isinstance(calendars, dict):
        return dict(document)
    read = {}
    for name, calendar in calendars.items():
        if isinstance(calendar, dict) and "holidays_file" in calendar:
            rest = {key: value for key, value in calendar.items() if key != "holidays_file"}
            dates = _dates(path.parent / str(calendar["holidays_file"]), digest)
            calendar = {**rest, "holidays": [*(rest.get("holidays") or ()), *dates]}
        read[name] = calendar
    return {**document, "calendars": read}


def _dates(path: Path, digest: "hashlib._Hash") -> list[date]:
    """Return the date at the start of each line; what follows it, empty lines and lines that begin with # are notes."""
    try:
        raw = path.read_bytes()
        lines = raw.decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(
            str(error), field=str(path), remedy="holidays_file names a text file beside the policy"
        ) from error
    digest.update(raw)
    dates = []
    for number, line in enumerate(lines, start=1):
        first = line.split(maxsplit=1)[0] if line.strip() else "#"
        if first.startswith("#"):
            continue
        try:
            dates.append(date.fromisoformat(first))
        except ValueError as error:
            problem = f"line {number}: {first!r} is no date"
            raise InvalidData(
                problem, field=str(path), remedy="begin each line with a date such as 2026-12-25"
            ) from error
    return dates
