"""Many at once: several senders, several engines, one alert."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import connections
from django.test import Client

from incidents import sources
from incidents.intake import ingest
from incidents.models import Alert, Incident, StoredEvent
from oncall import clock
from oncall.models import Page, Service

KEY = "0123456789abcdef0123456789abcdef"
THREADS = 8
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def scripts():
    service = Service.objects.create(slug="checkout", name="Checkout")
    return sources.create(
        slug="scripts", name="Scripts", dialect="json", service=service, key=KEY, by=None, at=clock.now()
    )[0]


def together(work):
    """What ``work(number)`` gives in eight threads that start at the same moment."""
    start = Barrier(THREADS)

    def run(number):
        start.wait()
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def send(body):
    return Client().post(f"/in/json/{KEY}", json.dumps(body), content_type="application/json").status_code


def work_off():
    while StoredEvent.objects.filter(state="new").exists():
        ingest.take_in(now=clock.now)


def test_the_same_alert_from_eight_senders_is_one_alert_counted_and_one_page():
    answers = together(lambda number: [send({"summary": "Disk", "dedup_key": "k"}) for _ in range(5)])

    together(lambda number: ingest.take_in(now=clock.now))
    work_off()

    assert answers == [[202] * 5] * THREADS
    assert Alert.objects.get().count == 5 * THREADS
    assert (Incident.objects.count(), Page.objects.count()) == (1, 1)
    assert set(StoredEvent.objects.values_list("state", "attempts")) == {("done", 1)}


def test_engines_and_senders_at_once_lose_and_double_nothing():
    def work(number):
        if number % 2:
            return [ingest.take_in(now=clock.now) for _ in range(5)]
        return [send({"summary": f"Disk {key}", "dedup_key": str(key)}) for key in range(5)]

    together(work)
    work_off()

    assert sorted(Alert.objects.values_list("dedup_key", "count")) == [(str(key), 4) for key in range(5)]
    assert (Incident.objects.count(), Page.objects.count()) == (5, 5)


def test_the_database_refuses_a_second_open_alert_of_a_key(scripts):
    """The last line of defence, should two engines ever hold the same source."""
    send({"summary": "Disk", "dedup_key": "k"})
    send({"summary": "Disk", "dedup_key": "k"})
    first, second = StoredEvent.objects.order_by("id")
    for event in (first, second):
        event.attempts, event.generation = 1, 1
        event.save()
    start = Barrier(2)

    def take(event):
        try:
            start.wait()
            ingest._take(event, at=clock.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take, [first, second]))
    StoredEvent.objects.filter(state="new").update(due_at=clock.now())
    work_off()

    assert Alert.objects.get().count == 2
    assert Page.objects.count() == 1


def test_an_event_whose_slow_reader_outlives_its_lease_is_not_counted_twice(scripts, monkeypatch):
    send({"summary": "Disk", "dedup_key": "k"})
    (event,) = ingest._claim(scripts.pk, at=clock.now())
    working, go_on, record = Event(), Event(), ingest.alerts.record

    def slowly(*given, **named):
        working.set()
        go_on.wait(20)
        record(*given, **named)

    def after_the_lease():
        go_on.set()
        return clock.now() + 2 * ingest.LEASE

    def take():
        try:
            ingest._take(event, at=clock.now())
        finally:
            connections.close_all()

    with monkeypatch.context() as slow, ThreadPoolExecutor(1) as pool:
        slow.setattr(ingest.alerts, "record", slowly)
        reader = pool.submit(take)
        working.wait(20)
        ingest.take_in(now=after_the_lease)
        reader.result()

    assert Alert.objects.get().count == 1
    assert set(StoredEvent.objects.values_list("state", flat=True)) == {"done"}
