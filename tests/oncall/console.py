"""A schedule's pages as a test sees them: their addresses, words, forms and costs."""

import re
from datetime import UTC, datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from oncall import schedules
from oncall.models import Schedule

NOW = datetime(2026, 3, 11, 13, tzinfo=UTC)  # a Wednesday, 09:00 in New York and 14:00 in Berlin


def layer(name="primary", **parts):
    turns = {"unit": "week", "length": 1, "anchor": "2026-03-02T09:00"}
    return {"name": name, "rotation": turns, "slots": [["alice"], ["bob"]], **parts}


def make_schedule(slug="primary", **form):
    schedule = Schedule.objects.create(slug=slug, name=slug.title(), time_zone="America/New_York")
    schedules.replace(schedule, {"layers": [layer()], **form}, by=None, at=NOW)
    return schedule


def page_of(schedule):
    return reverse("admin:oncall_schedule_change", args=[schedule.pk])


def verb_of(schedule, name):
    return reverse("admin:oncall_schedule_verb", args=[schedule.pk, name])


def text_of(client, url):
    response = client.get(url)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def words(response):
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def queries(client, url):
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def form_of(schedule, **changes):
    layers = list(schedule.layers.order_by("pk")) if schedule else []
    data = {
        "name": "Primary",
        "slug": "primary",
        "time_zone": "America/New_York",
        "layers-TOTAL_FORMS": max(len(layers), 1),
        "layers-INITIAL_FORMS": len(layers),
        "exceptions-TOTAL_FORMS": schedule.exceptions.count() if schedule else 0,
        "exceptions-INITIAL_FORMS": schedule.exceptions.count() if schedule else 0,
        "layers-0-id": layers[0].pk if layers else "",
        "layers-0-name": "primary",
        "layers-0-priority": 1,
        "layers-0-unit": "week",
        "layers-0-length": 1,
        "layers-0-anchor": "2026-03-02T09:00",
        "layers-0-roster": "alice\r\nbob",
        "layers-0-restrictions": "[]",
        "layers-0-exclude_dates": "[]",
        "layers-0-advance": "calendar",
    }
    if schedule:
        data["expected"] = Schedule.objects.get(pk=schedule.pk).version
    if schedule and schedule.exceptions.exists():
        data["exceptions-0-id"] = schedule.exceptions.get().pk
    return data | changes
