"""Maintenance as a calendar (RFC 5545): what is withdrawn stays as cancelled, so that calendars take it out."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.utils.translation import gettext
from icalendar import Calendar, Event

from oncall.messaging import render
from statuspage.documents import words
from statuspage.documents.page import MAINTENANCE, Page, Post

READ_AGAIN_AFTER = timedelta(hours=1)
EVENTS = 50


def maintenance(page: Page) -> bytes:
    """``maintenance.ics``: the newest maintenances, whatever their state."""
    posts = sorted(page.of_kind(MAINTENANCE), key=lambda post: post.scheduled_for, reverse=True)
    return _calendar(page, posts[:EVENTS])


def one(page: Page, post: Post) -> bytes:
    """A single maintenance, to be put into a calendar by hand."""
    return _calendar(page, [post])


def _calendar(page: Page, posts: list[Post]) -> bytes:
    calendar = Calendar()
    name = gettext("%(name)s maintenance") % {"name": page.site.name}
    for key, value in (
        ("prodid", f"-//Muster//Status page maintenance//{words.language().upper()}"),
        ("version", "2.0"),
        ("calscale", "GREGORIAN"),
        ("method", "PUBLISH"),
        ("name", name),
        ("x-wr-calname", name),
        ("x-published-ttl", "PT1H"),
    ):
        calendar.add(key, value)
    calendar.add("refresh-interval", READ_AGAIN_AFTER, parameters={"VALUE": "DURATION"})
    for post in posts:
        calendar.add_component(_event(page, post))
    return calendar.to_ical()


def _event(page: Page, post: Post) -> Event:
    address = f"{page.site.url}/incidents/{post.id}/"
    event = Event()
    event.add("uid", f"maintenance-{post.id}@{urlsplit(page.site.url).hostname or 'localhost'}")
    event.add("dtstamp", post.updated_at)
    event.add("last-modified", post.updated_at)
    event.add("sequence", max(len(post.updates) - 1, 0))
    event.add("status", "CANCELLED" if post.status == "cancelled" else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("dtstart", post.scheduled_for)
    event.add("dtend", _end(post))
    event.add("summary", post.name)
    event.add("description", "\n".join(_description(page, post, address)))
    event.add("url", address)
    event.add("categories", ["MAINTENANCE", post.status.upper().replace("_", "-")])
    return event


def _end(post: Post) -> datetime:
    """As planned, or when it was over if that was sooner."""
    if post.status == "completed" and post.resolved_at and post.resolved_at > post.scheduled_for:
        return min(post.resolved_at, post.scheduled_until)
    return post.scheduled_until


def _description(page: Page, post: Post, address: str) -> list[str]:
    lines = [words.plain(render.markdown(post.updates[0].body))] if post.updates else []
    names = words.joined([page.by_id[code].name for code, _ in post.affected])
    affected = [words.labelled(gettext("Affected"), names)] if names else []
    return [*lines, *affected, address]
