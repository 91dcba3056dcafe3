"""Pure: the words of the public face, for pages and mail alike, in the language that is active.

Times carry their printed zone. What stands between other words has a form of its own ("partial outage"), since
not every language may lower a capital.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from html import unescape
from zoneinfo import ZoneInfo

from django.utils.dates import MONTHS, WEEKDAYS_ABBR
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.translation import get_language, gettext, pgettext, pgettext_lazy

from statuspage import rollup
from statuspage.documents.page import MAINTENANCE, Post

NBSP = "\u00a0"
DASH = "\u2013"


class Spoken(Mapping[str, str]):
    """Words by name, each put into the active language when it is asked for."""

    def __init__(self, words: Mapping[str, Promise]) -> None:
        self._words = words

    def __getitem__(self, name: str) -> str:
        return str(self._words[name])

    def __iter__(self):
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


STATUS_WORD = Spoken(
    {
        rollup.OPERATIONAL: pgettext_lazy("status", "Operational"),
        rollup.MAINTENANCE: pgettext_lazy("status", "Under maintenance"),
        rollup.DEGRADED: pgettext_lazy("status", "Degraded performance"),
        rollup.PARTIAL: pgettext_lazy("status", "Partial outage"),
        rollup.MAJOR: pgettext_lazy("status", "Major outage"),
    }
)
#: The same where it does not stand first: "API: partial outage".
STATUS_SAID = Spoken(
    {
        rollup.OPERATIONAL: pgettext_lazy("status", "operational"),
        rollup.MAINTENANCE: pgettext_lazy("status", "under maintenance"),
        rollup.DEGRADED: pgettext_lazy("status", "degraded performance"),
        rollup.PARTIAL: pgettext_lazy("status", "partial outage"),
        rollup.MAJOR: pgettext_lazy("status", "major outage"),
    }
)
STATE_WORD = Spoken(
    {
        "investigating": pgettext_lazy("state", "Investigating"),
        "identified": pgettext_lazy("state", "Identified"),
        "monitoring": pgettext_lazy("state", "Monitoring"),
        "resolved": pgettext_lazy("state", "Resolved"),
        "postmortem": pgettext_lazy("state", "Post-mortem"),
        "scheduled": pgettext_lazy("state", "Scheduled"),
        "in_progress": pgettext_lazy("state", "In progress"),
        "verifying": pgettext_lazy("state", "Verifying"),
        "completed": pgettext_lazy("state", "Completed"),
        "cancelled": pgettext_lazy("state", "Cancelled"),
    }
)
INCIDENT_STEPS = ("investigating", "identified", "monitoring", "resolved")
MAINTENANCE_STEPS = ("scheduled", "in_progress", "verifying", "completed")
IMPACT_STATUS = {
    "none": rollup.OPERATIONAL,
    "maintenance": rollup.MAINTENANCE,
    "minor": rollup.DEGRADED,
    "major": rollup.PARTIAL,
    "critical": rollup.MAJOR,
}
IMPACT_WORD = Spoken(
    {
        "none": pgettext_lazy("impact", "No effect on service"),
        "maintenance": pgettext_lazy("impact", "Maintenance"),
        "minor": pgettext_lazy("status", "Degraded performance"),
        "major": pgettext_lazy("status", "Partial outage"),
        "critical": pgettext_lazy("status", "Major outage"),
    }
)
#: The roll-up of the public API, which stays English there, as people read it.
SENTENCE = Spoken(
    {
        "All Systems Operational": pgettext_lazy("roll-up", "All systems operational"),
        "Service Under Maintenance": pgettext_lazy("roll-up", "Service under maintenance"),
        "Partially Degraded Service": pgettext_lazy("roll-up", "Partially degraded service"),
        "Degraded System Service": pgettext_lazy("roll-up", "Degraded system service"),
        "Minor Service Outage": pgettext_lazy("roll-up", "Minor service outage"),
        "Partial System Outage": pgettext_lazy("roll-up", "Partial system outage"),
        "Major System Outage": pgettext_lazy("roll-up", "Major system outage"),
    }
)
SHORT_MONTHS = (
    pgettext_lazy("short month", "Jan"),
    pgettext_lazy("short month", "Feb"),
    pgettext_lazy("short month", "Mar"),
    pgettext_lazy("short month", "Apr"),
    pgettext_lazy("short month", "May"),
    pgettext_lazy("short month", "Jun"),
    pgettext_lazy("short month", "Jul"),
    pgettext_lazy("short month", "Aug"),
    pgettext_lazy("short month", "Sep"),
    pgettext_lazy("short month", "Oct"),
    pgettext_lazy("short month", "Nov"),
    pgettext_lazy("short month", "Dec"),
)


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


def language() -> str:
    """The language that documents are now written in, as HTML and feeds name it."""
    return get_language() or "en"


def tied(text: str) -> str:
    """A number holds on to what it counts: the blank after it does not break."""
    return re.sub(r"(\d(?:\.|er)?) ", rf"\1{NBSP}", text)


def _number(when: date) -> str:
    return pgettext("first day of a month", "1") if when.day == 1 else str(when.day)


def day(when: date, *, year: bool = False) -> str:
    """ "23 November", with the year when asked."""
    named = {"day": _number(when), "month": MONTHS[when.month]}
    told = tied(pgettext("date", "%(day)s %(month)s") % named)
    return pgettext("date", "%(date)s %(year)s") % {"date": told, "year": when.year} if year else told


def short_day(when: date) -> str:
    """ "23 Nov" """
    named = {"day": _number(when), "month": SHORT_MONTHS[when.month - 1]}
    return tied(pgettext("short date", "%(day)s %(month)s") % named)


def weekday(when: date, *, year: bool = False) -> str:
    """ "Thu 26 November" """
    named = {"weekday": WEEKDAYS_ABBR[when.weekday()], "date": day(when, year=year)}
    return pgettext("date", "%(weekday)s %(date)s") % named


def day_of_month(when: date) -> str:
    """ "Sat 14", below the name of its month."""
    named = {"weekday": WEEKDAYS_ABBR[when.weekday()], "day": _number(when)}
    return pgettext("day of a month", "%(weekday)s %(day)s") % named


def month(when: date) -> str:
    """ "November 2026" """
    return pgettext("month", "%(month)s %(year)s") % {"month": MONTHS[when.month], "year": when.year}


def short_month(when: date) -> str:
    """ "Nov 2026" """
    named = {"month": SHORT_MONTHS[when.month - 1], "year": when.year}
    return pgettext("short month", "%(month)s %(year)s") % named


def months(first: date, last: date) -> str:
    """ "June to August 2026", the year once when it is one year."""
    if first.year != last.year:
        return pgettext("months", "%(first)s to %(last)s") % {"first": month(first), "last": month(last)}
    named = {"first": MONTHS[first.month], "last": MONTHS[last.month], "year": last.year}
    return pgettext("months", "%(first)s to %(last)s %(year)s") % named


def moment(at: datetime, zone: ZoneInfo, text: str | None = None) -> Moment:
    """An instant shown by its clock time unless other words are given."""
    return Moment(iso=f"{at.astimezone(zone).isoformat(timespec='seconds')}", text=text or clock(at, zone))


def _at(day_words: str, time: str) -> str:
    return pgettext("date and time", "%(date)s, %(time)s") % {"date": day_words, "time": time}


def full(at: datetime, zone: ZoneInfo) -> str:
    """ "Mon 23 November 2026, 14:32 UTC" """
    return _at(weekday(local(at, zone).date(), year=True), clock(at, zone))


def near(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """The clock time, with the day when it is not today."""
    here = local(at, zone).date()
    return clock(at, zone) if here == local(now, zone).date() else _at(short_day(here), clock(at, zone))


def window(start: datetime, end: datetime | None, zone: ZoneInfo, *, date_words=weekday) -> str:
    """ "Thu 26 November, 01:00 - 03:30 UTC"; the day stands once when it is one day."""
    first = local(start, zone)
    if end is None:
        return _at(date_words(first.date()), clock(start, zone))
    last = local(end, zone)
    named = {"date": date_words(first.date()), "start": f"{first:%H:%M}", "end": clock(end, zone)}
    if first.date() == last.date():
        return pgettext("window", "%(date)s, %(start)s – %(end)s") % named
    named["last_date"] = date_words(last.date())
    return pgettext("window", "%(date)s, %(start)s – %(last_date)s, %(end)s") % named


def day_range(first: date, last: date) -> str:
    """ "15 - 22 November", the month once when it is one month."""
    if first == last:
        return day(first)
    if (first.year, first.month) != (last.year, last.month):
        return pgettext("days", "%(first)s – %(last)s") % {"first": day(first), "last": day(last)}
    named = {"first": _number(first), "last": _number(last), "month": MONTHS[last.month]}
    return tied(pgettext("days of one month", "%(first)s – %(last)s %(month)s") % named)


def length(span: timedelta | int) -> str:
    """ "42 min", "1 h 20 min", "2 d 3 h"; under a minute counts as one."""
    seconds = int(span.total_seconds()) if isinstance(span, timedelta) else span
    minutes = max(seconds // 60, 1)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        told = pgettext("length", "%(days)d d %(hours)d h") if hours else pgettext("length", "%(days)d d")
    elif hours:
        told = (
            pgettext("length", "%(hours)d h %(minutes)d min")
            if minutes
            else pgettext("length", "%(hours)d h")
        )
    else:
        told = pgettext("length", "%(minutes)d min")
    return tied(told % {"days": days, "hours": hours, "minutes": minutes})


def so_far(told: str) -> str:
    """A length that still grows: "42 min so far"."""
    return pgettext("length", "%(length)s so far") % {"length": told}


def percent(figure: Decimal | None) -> str:
    """Two decimals always, save exactly none: "100 %". Not known is a dash."""
    if figure is None:
        return DASH
    digits = "100" if figure == 100 else number_format(figure, decimal_pos=2, use_l10n=True)
    return tied(pgettext("share", "%(figure)s %%") % {"figure": digits})


def joined(names: Sequence[str]) -> str:
    """ "API, Webhooks and Sandbox" """
    if len(names) < 2:
        return "".join(names)
    most = pgettext("between the names of a list", ", ").join(names[:-1])
    return pgettext("list", "%(most)s and %(last)s") % {"most": most, "last": names[-1]}


def labelled(label: str, value: str) -> str:
    """ "Resolved: Card payments fail" """
    return pgettext("label and value", "%(label)s: %(value)s") % {"label": label, "value": value}


def sentence(description: str) -> str:
    """The roll-up in sentence case: "All systems operational"."""
    return SENTENCE[description]


def page_name(name: str) -> str:
    """What the page is called: "Northwind Pay status"."""
    return gettext("%(name)s status") % {"name": name}


def plain(markup: str) -> str:
    """The text of sanitised markup on one line."""
    return " ".join(unescape(strip_tags(markup)).split())


def steps_of(post: Post) -> tuple[str, ...]:
    return MAINTENANCE_STEPS if post.kind == MAINTENANCE else INCIDENT_STEPS
