"""The small parts of every page: icons, chips, rings, people, times. All take plain values.

Times are relative to ``now`` in the context, so that one page has one present; without it the clock is asked. The
zone is the viewer's, activated for the request.
"""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html

from oncall import clock
from oncall.edges import times

register = template.Library()

SOON = timedelta(minutes=5)
NONE_YET = "none"
SHIPPED = {"major": 3, "medium": 2, "minor": 1}
MEDIUM_ICONS = {
    "email": "mail",
    "webhook": "globe",
    "sms": "chat",
    "voice": "phone",
    "slack": "chat",
    "mattermost": "chat",
    "matrix": "chat",
    "ntfy": "device",
    "push": "device",
}


def _now(context: template.Context) -> datetime:
    return context.get("now") or clock.now()


# -- icons and chips ---------------------------------------------------------------------------------------
@register.simple_tag
def icon(name: str) -> str:
    """A picture from the sprite, hidden from readers: the word stands beside it."""
    return format_html('<svg class="m-icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def severity(level, label: str = "") -> str:
    """The chip of a severity: an object with slug, name and rank, a slug, or None for unclassified."""
    slug = getattr(level, "slug", level) or NONE_YET
    rank = getattr(level, "rank", 2)
    look = slug if slug in SHIPPED or slug == NONE_YET else {1: "major", 2: "medium"}.get(rank, "minor")
    name = getattr(level, "name", label) or ("Unclassified" if slug == NONE_YET else slug.capitalize())
    return format_html(
        '<span class="m-sev m-sev-{}">{}{}</span>', look, icon(f"sev-{SHIPPED.get(look, 0)}"), name
    )


@register.simple_tag
def state(code: str, label: str, chip: bool = False) -> str:
    """An incident's state: its icon and its word; ``chip`` with a border, for page headers."""
    look = " m-state-chip" if chip else ""
    return format_html(
        '<span class="m-state m-state-{}{}">{}{}</span>', code, look, icon(f"st-{code}"), label
    )


@register.simple_tag
def person(user, viewer=None) -> str:
    """Initials and name, with "you" for the viewer herself."""
    you = format_html(' <span class="m-quiet">{}</span>', "you") if viewer and user.pk == viewer.pk else ""
    return format_html(
        '<span class="m-person"><span class="m-disc" aria-hidden="true">{}</span><span>{}{}</span></span>',
        user.initials,
        user,
        you,
    )


@register.filter
def medium_icon(medium: str) -> str:
    """The icon of a medium; a bell for one we have not drawn."""
    return MEDIUM_ICONS.get(medium, "bell")


@register.filter
def chosen(choices: list[dict]) -> str:
    """What a list filter is set to; empty while it shows everything (always the first choice)."""
    return next((str(choice["display"]) for choice in choices[1:] if choice["selected"]), "")


# -- times -------------------------------------------------------------------------------------------------
@register.simple_tag(takes_context=True, name="clock")
def clock_tag(context: template.Context, at: datetime | None) -> str:
    """``13:22`` in the viewer's zone, with the whole date and zone for readers and on hover."""
    if at is None:
        return ""
    zone = timezone.get_current_timezone()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        times.whole(at, zone),
        times.clock(at, _now(context), zone),
    )


@register.simple_tag
def clock_seconds(at: datetime) -> str:
    """``13:50:02``, for stories in which seconds matter; the whole date on hover."""
    zone = timezone.get_current_timezone()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        times.whole(at, zone),
        f"{at.astimezone(zone):%H:%M:%S}",
    )


def moment(at: datetime, now: datetime) -> str:
    """A cell of a list: date and time, and below how long ago."""
    words = times.date_and_time(at, now, timezone.get_current_timezone())
    return format_html(
        '<span class="m-nowrap">{}</span><span class="m-small m-below">{}</span>', words, times.ago(at, now)
    )


@register.simple_tag(takes_context=True)
def ago(context: template.Context, at: datetime | None) -> str:
    """``6 min ago`` or ``in 12 min``."""
    return times.ago(at, _now(context)) if at else ""


@register.simple_tag(takes_context=True)
def age(context: template.Context, at: datetime | None) -> str:
    """How long it has lasted: ``40 min``."""
    return times.span(_now(context) - at) if at else ""


@register.filter
def span(length: timedelta | None) -> str:
    """A length of time in words; nothing for a missing one."""
    return times.span(length) if length is not None else ""


@register.filter
def beat(length: timedelta) -> str:
    """A heartbeat's age, in tenths while it is fresh: ``0.4 s``."""
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else times.span(length)


@register.filter
def city(zone: str) -> str:
    """``Berlin`` for Europe/Berlin."""
    return times.city(zone)


@register.simple_tag(takes_context=True)
def today(context: template.Context) -> str:
    """``Wednesday 11 March 2026, 14:02 in Berlin``."""
    return times.whole(_now(context), timezone.get_current_timezone())


@register.inclusion_tag("muster/due.html", takes_context=True)
def due(context: template.Context, at: datetime, what: str, start: datetime | None = None, late: str = ""):
    """A ring, the time left in bold, and what is due below; ``late`` replaces it once the time has passed."""
    now = _now(context)
    found = times.due(at, now, start=start, soon=SOON)
    return {"due": found, "what": late if late and found.tone == "late" else what, "at": at, "now": now}


@register.inclusion_tag("muster/update_due.html", takes_context=True)
def update_due(context: template.Context, at: datetime, start: datetime | None):
    """``Update due in 12 min``, promised for when; late in red."""
    now = _now(context)
    found = times.due(at, now, start=start, soon=SOON)
    words = f"Update {found.text}" if found.tone == "late" else f"Update due {times.ago(at, now)}"
    return {"due": found, "words": words, "at": at, "now": now}


@register.inclusion_tag("muster/countdown.html", takes_context=True)
def countdown(context: template.Context, at: datetime, start: datetime | None, then: str):
    """``In 1 min 40 s: Platform leads``, with a ring; "Now" once the moment has come."""
    now = _now(context)
    found = times.due(at, now, start=start, soon=timedelta())
    words = f"In {times.span(at - now, exact=True)}" if at > now else "Now"
    return {"used": found.used, "words": words, "then": then}


@register.inclusion_tag("muster/ring.html")
def ring(used: int, tone: str = "", large: bool = False):
    """A ring filled clockwise from twelve by ``used`` percent. Words always stand beside it."""
    return {"used": used, "tone": tone, "large": large}


# -- charts ------------------------------------------------------------------------------------------------
@register.inclusion_tag("muster/bars.html")
def bar_chart(chart):
    """An ``edges.charts.Bars`` as a drawing."""
    return {"chart": chart}


@register.inclusion_tag("muster/lines.html")
def line_chart(chart):
    """An ``edges.charts.Lines`` as a drawing."""
    return {"chart": chart}
