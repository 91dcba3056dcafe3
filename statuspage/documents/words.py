"""Pure: the words of the public face, for pages and mail alike. Times carry their printed zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from zoneinfo import ZoneInfo

from django.utils.html import strip_tags

from statuspage import rollup
from statuspage.documents.page import MAINTENANCE, Post

NBSP = "\u00a0"
DASH = "\u2013"

STATUS_WORD = {
    rollup.OPERATIONAL: "Operational",
    rollup.MAINTENANCE: "Under maintenance",
    rollup.DEGRADED: "Degraded performance",
    rollup.PARTIAL: "Partial outage",
    rollup.MAJOR: "Major outage",
}
STATE_WORD = {
    "investigating": "Investigating",
    "identified": "Identified",
    "monitoring": "Monitoring",
    "resolved": "Resolved",
    "postmortem": "Post-mortem",
    "scheduled": "Scheduled",
    "in_progress": "In progress",
    "verifying": "Verifying",
    "completed": "Completed",
    "cancelled": "Cancelled",
}
INCIDENT_STEPS = ("investigating", "identified", "monitoring", "resolved")
MAINTENANCE_STEPS = ("scheduled", "in_progress", "verifying", "completed")
IMPACT_STATUS = {
    "none": rollup.OPERATIONAL,
    "maintenance": rollup.MAINTENANCE,
    "minor": rollup.DEGRADED,
    "major": rollup.PARTIAL,
    "critical": rollup.MAJOR,
}
IMPACT_WORD = {status: STATUS_WORD[shown] for status, shown in IMPACT_STATUS.items()} | {
    "none": "No effect on service",
    "maintenance": "Maintenance",
}


@dataclass(frozen=True)
class Moment:
    """An instant for people and machines: the value of ``datetime=`` and the words."""

    iso: str
    text: str


def local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone)


def zone_name(at: datetime, zone: ZoneInfo) -> str:
    """The zone's own abbreviation, or its offset where it has none: "CET", "UTC-03"."""
    name = local(at, zone).strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def clock(at: datetime, zone: ZoneInfo) -> str:
    """ "14:32 UTC" """
    return f"{local(at, zone):%H:%M}{NBSP}{zone_name(at, zone)}"


def day(when: date, *, year: bool = False) -> str:
    """ "23 November", with the year when asked."""
    return f"{when.day}{NBSP}{when:%B}" + (f" {when.year}" if year else "")


def short_day(when: date) -> str:
    """ "23 Nov" """
    return f"{when.day}{NBSP}{when:%b}"


def weekday(when: date) -> str:
    """ "Thu 26 November" """
    return f"{when:%a} {day(when)}"


def moment(at: datetime, zone: ZoneInfo, text: str | None = None) -> Moment:
    """An instant shown by its clock time unless other words are given."""
    return Moment(iso=f"{at.astimezone(zone).isoformat(timespec='seconds')}", text=text or clock(at, zone))


def full(at: datetime, zone: ZoneInfo) -> str:
    """ "Mon 23 November 2026, 14:32 UTC" """
    here = local(at, zone)
    return f"{here:%a} {day(here.date(), year=True)}, {clock(at, zone)}"


def near(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """The clock time, with the day when it is not today."""
    here = local(at, zone).date()
    if here == local(now, zone).date():
        return clock(at, zone)
    return f"{short_day(here)}, {clock(at, zone)}"


def window(start: datetime, end: datetime | None, zone: ZoneInfo, *, date_words=weekday) -> str:
    """ "Thu 26 November, 01:00 - 03:30 UTC"; the day stands once when it is one day."""
    first = local(start, zone)
    if end is None:
        return f"{date_words(first.date())}, {clock(start, zone)}"
    last = local(end, zone)
    if first.date() == last.date():
        return f"{date_words(first.date())}, {first:%H:%M} {DASH} {clock(end, zone)}"
    return f"{date_words(first.date())}, {first:%H:%M} {DASH} {date_words(last.date())}, {clock(end, zone)}"


def day_range(first: date, last: date) -> str:
    """ "15 - 22 November", the month once when it is one month."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}{NBSP}{DASH}{NBSP}{day(last)}"
    return f"{day(first)} {DASH} {day(last)}"


def length(span: timedelta | int) -> str:
    """ "42 min", "1 h 20 min", "2 d 3 h"; under a minute counts as one."""
    seconds = int(span.total_seconds()) if isinstance(span, timedelta) else span
    minutes = max(seconds // 60, 1)
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{NBSP}h" + (f" {minutes}{NBSP}min" if minutes else "")
    count, hours = divmod(hours, 24)
    return f"{count}{NBSP}d" + (f" {hours}{NBSP}h" if hours else "")


def percent(figure: Decimal | None) -> str:
    """Two decimals always, save exactly none: "100 %". Not known is a dash."""
    if figure is None:
        return DASH
    return f"100{NBSP}%" if figure == 100 else f"{figure:.2f}{NBSP}%"


def joined(names: Sequence[str]) -> str:
    """ "API, Webhooks and Sandbox" """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 day", "2 days" """
    return f"{count} {one if count == 1 else many or one + 's'}"


def sentence(description: str) -> str:
    """The roll-up in sentence case: "All systems operational"."""
    return description[:1] + description[1:].lower()


def plain(markup: str) -> str:
    """The text of sanitised markup on one line."""
    return " ".join(unescape(strip_tags(markup)).split())


def steps_of(post: Post) -> tuple[str, ...]:
    return MAINTENANCE_STEPS if post.kind == MAINTENANCE else INCIDENT_STEPS
