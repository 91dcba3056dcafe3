"""Rendered on change and each minute; what is kept equals what a fresh render would say."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from statuspage import catalogue, impacts, maintenance, publishing, snapshots
from statuspage.catalogue import Reading
from statuspage.models import Component, Post, Snapshot, StatusPage

pytestmark = pytest.mark.django_db


@pytest.fixture
def ago(cards, alice, at):
    """A post of last year."""
    return publishing.publish(
        name="Last winter",
        body="x",
        status="resolved",
        components={cards: "major_outage"},
        started_at=at(days=-300),
        backfilled=True,
        by=alice,
        at=at(days=-290),
    )


def run(at):
    return snapshots.publish_due(now=lambda: at) + snapshots.sweep_due(now=lambda: at)


def kept(path):
    return bytes(Snapshot.objects.get(path=path).body).decode()


def test_every_document_is_kept_and_equals_a_fresh_render(post, ago, at):
    run(at("12:30"))

    page = StatusPage.main()
    rows = {row.path: row for row in Snapshot.objects.all()}
    assert {*catalogue.FIXED, f"/incidents/{post.public_id}/", f"/incidents/{ago.public_id}/"} <= rows.keys()
    assert {"/history/2026-10/", "/history/2026-01/"} <= rows.keys()
    for path, row in rows.items():
        fresh = catalogue.find(path, page).make(Reading(page, at("12:30")))
        assert bytes(row.body) == fresh, path


def test_nothing_is_rendered_again_while_nothing_has_changed(post, at):
    assert run(at("12:30")) > 0

    assert run(at("12:30") + timedelta(seconds=5)) == 0


def test_the_clock_alone_renders_the_present_each_minute_and_no_more(post, ago, at):
    run(at("12:30"))

    run(at("12:31"))

    changed = Snapshot.objects.filter(changed_at=at("12:31")).values_list("path", flat=True)
    assert "/" in changed
    assert "/api/v2/summary.json" not in changed  # nothing in it has moved, so caches keep it
    assert f"/incidents/{ago.public_id}/" not in changed


def test_a_change_is_rendered_at_the_next_look(post, alice, at):
    run(at("12:30"))
    publishing.update(post, status="identified", body="Nobody can pay.", by=alice, at=at("12:30"))

    run(at("12:30") + timedelta(seconds=1))

    assert "Nobody can pay." in kept("/") and "Nobody can pay." in kept(f"/incidents/{post.public_id}/")


def test_many_changes_at_once_are_rendered_once_a_second(post, cards, at):
    run(at("12:30"))
    cards.save()

    assert run(at("12:30") + timedelta(milliseconds=500)) == 0


def test_a_correction_of_an_old_post_is_there_at_once(post, ago, alice, at):
    run(at("12:30"))
    publishing.correct(ago.updates.get(), body="Corrected.", by=alice, at=at("12:30"))

    run(at("12:30") + timedelta(seconds=1))

    assert "Corrected." in kept(f"/incidents/{ago.public_id}/")


def test_a_day_that_ends_is_told_at_midnight(cards, at):
    run(at("23:59"))

    run(at("23:59") + timedelta(minutes=1, seconds=30))

    assert "2026-11-24" in kept(f"/uptime/{cards.public_id}.csv")


def test_what_is_hidden_leaves_every_document(post, ago, cards, at):
    run(at("12:30"))
    cards.visible = False
    cards.save()

    run(at("12:31"))

    for row in Snapshot.objects.all():
        assert b"Card payments<" not in bytes(row.body), row.path


def test_a_post_that_is_deleted_has_no_document_any_more(post, at):
    run(at("12:30"))
    Post.objects.get(pk=post.pk).delete()

    run(at("12:30") + timedelta(seconds=1))

    assert not Snapshot.objects.filter(path__contains=post.public_id).exists()


def test_a_render_of_an_older_version_writes_nothing(post, alice, at):
    page = StatusPage.main()
    old = [snapshots.render(catalogue.FIXED["/"], Reading(page, at("12:30")))]
    publishing.update(post, status="identified", body="Newer.", by=alice, at=at("12:30"))
    run(at("12:30"))

    snapshots._store_present(page, old, at=at("12:31"))

    assert "Newer." in kept("/")


def test_the_serial_grows_only_when_bytes_change(post, at):
    run(at("12:30"))
    serial = StatusPage.main().serial

    Component.objects.get(slug="cards").save()
    run(at("12:30") + timedelta(seconds=1))
    same = StatusPage.main().serial
    impacts.set_status(Component.objects.get(slug="cards"), "partial_outage", by=None, at=at("12:30"))
    run(at("12:30") + timedelta(seconds=12))

    assert (same - serial, StatusPage.main().serial - same) == (1, 1)


def test_a_page_that_cannot_be_rendered_keeps_its_last_good_copy_and_is_tried_again(post, at, monkeypatch):
    run(at("12:30"))
    before = kept("/")
    with monkeypatch.context() as broken:
        broken.setattr("statuspage.documents.html.index", lambda page: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(at("12:40"))
        assert run(at("12:40") + timedelta(seconds=5)) == 0
    assert kept("/") == before

    run(at("12:41"))

    assert "12:41" in kept("/")


def test_an_edit_of_the_page_sets_no_counter_back(post, at):
    stale = StatusPage.main()
    run(at("12:30"))
    now = StatusPage.main()

    stale.name = "Southwind"
    stale.save()

    after = StatusPage.main()
    assert (after.serial, after.rendered_version) == (now.serial, now.rendered_version)
    assert after.version > now.version


def test_questions_do_not_grow_with_the_past(post, cards, alice, at):
    def questions(minute):
        with CaptureQueriesContext(connection) as asked:
            run(at(minute))
        return [query for query in asked.captured_queries if query["sql"].startswith("SELECT")]

    few = questions("12:30")
    for n in range(30):
        publishing.publish(
            name=f"Old {n}",
            body="x",
            status="resolved",
            components={cards: "major_outage"},
            started_at=at(days=-100 - 20 * n),
            backfilled=True,
            by=alice,
            at=at(),
        )

    assert len(questions("12:31")) <= len(few)


@pytest.mark.django_db(transaction=True)
def test_two_that_render_at_once_leave_one_row_each(post, at):
    both = [threading.Thread(target=_run_in_thread, args=[at("12:30")]) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()

    paths = list(Snapshot.objects.values_list("path", flat=True))
    assert len(paths) == len(set(paths)) and "/" in paths


def _run_in_thread(at):
    try:
        run(at)
    finally:
        connection.close()


def test_a_maintenance_has_its_documents_too(cards, alice, at):
    plan = maintenance.schedule(
        name="Upgrade",
        body="x",
        scheduled_for=at("14:00"),
        scheduled_until=at("15:00"),
        components=[cards],
        by=alice,
        at=at(),
    )

    run(at("12:30"))

    assert "Upgrade" in kept(f"/api/v2/scheduled-maintenances/{plan.public_id}.json")
    assert "Upgrade" in kept("/api/v2/scheduled-maintenances/upcoming.json")


def test_a_sweep_leaves_alone_what_was_rendered_of_a_newer_page_meanwhile(cards, post, at, monkeypatch):
    run(at("12:30"))
    written = snapshots._write

    def meanwhile(*given, **named):
        monkeypatch.setattr(snapshots, "_write", written)
        publishing.amend(post, name="Renamed during the sweep", by=None, at=at("12:32"))
        snapshots.publish_present(StatusPage.main(), at=at("12:32"))
        return written(*given, **named)

    StatusPage.objects.update(version=F("version") + 1)
    monkeypatch.setattr(snapshots, "_write", meanwhile)
    snapshots.sweep_due(now=lambda: at("12:31"))

    assert "Renamed during the sweep" in kept(f"/incidents/{post.public_id}/")


def test_a_sweep_that_somebody_is_at_is_not_begun_twice(cards, post, at, monkeypatch):
    run(at("12:30"))
    StatusPage.objects.update(version=F("version") + 1)
    begun = []
    monkeypatch.setattr(
        snapshots, "_past", lambda read: begun.append(snapshots.sweep_due(now=lambda: at("12:35"))) or []
    )

    snapshots.sweep_due(now=lambda: at("12:34"))

    assert begun == [0]
