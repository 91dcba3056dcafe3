"""The page in object storage: signed, only what changed, gone what is gone, and never the secret."""

import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from config import env, health
from oncall.messaging.errors import DeliveryError, DomainError
from statuspage import bucket, exporting, publishing, pushing, snapshots
from statuspage.models import Post, SentFile, Snapshot, StatusPage
from tests.statuspage import store as stores

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(settings):
    with stores.running() as store:
        settings.STATUSPAGE_EXPORT = store.url
        settings.STATUSPAGE_EXPORT_KEY, settings.STATUSPAGE_EXPORT_SECRET = stores.KEY, stores.SECRET
        yield store


@pytest.fixture
def stored(post, at):
    snapshots.publish(StatusPage.main(), at=at())
    return post


def test_every_document_lies_in_the_bucket_with_its_type_and_the_same_bytes(stored, store, at):
    assert pushing.keep_up(now=at) == len(store.objects)

    for row in Snapshot.objects.all():
        body, headers = store.objects[f"/pages/status/{pushing.place(row.path)}"]
        assert body == bytes(row.body)
        assert headers["Cache-Control"].startswith("public, max-age=")
    assert store.objects["/pages/status/index.html"][1]["Content-Type"] == "text/html; charset=utf-8"
    assert store.objects["/pages/status/history.atom"][1]["Content-Type"].startswith("application/atom+xml")
    assert store.objects["/pages/status/static/statuspage/status.css"][1]["Content-Type"].startswith(
        "text/css"
    )
    assert "Content-Encoding" not in store.objects["/pages/status/index.html"][1]


def test_only_what_changed_is_sent(stored, store, alice, at):
    pushing.keep_up(now=at)
    store.asked.clear()
    nothing = pushing.keep_up(now=at)
    publishing.update(stored, status="monitoring", body="Fixed?", by=alice, at=at("12:20"))
    snapshots.publish(StatusPage.main(), at=at("12:21"))

    pushing.keep_up(now=lambda: at("12:21"))

    assert nothing == 0
    assert f"PUT /pages/status/incidents/{stored.public_id}/index.html" in store.asked
    assert "PUT /pages/status/static/statuspage/status.css" not in store.asked


def test_what_is_no_longer_public_is_deleted(stored, store, at):
    pushing.keep_up(now=at)
    Post.objects.get(pk=stored.pk).delete()
    snapshots.publish(StatusPage.main(), at=at("12:30"))

    pushing.keep_up(now=lambda: at("12:30"))

    assert not [name for name in store.names() if stored.public_id in name]
    assert set(SentFile.objects.values_list("path", flat=True)) == store.names()


def test_of_a_page_without_stored_copies_nothing_is_left_there(stored, store, at):
    pushing.keep_up(now=at)
    Snapshot.objects.all().delete()
    StatusPage.objects.update(serial=99)

    pushing.keep_up(now=at)

    assert store.objects == {}


def test_a_store_that_fails_keeps_what_it_has_and_the_rest_follows_later(stored, store, at):
    pushing.keep_up(now=at)
    kept = dict(store.objects)
    Snapshot.objects.filter(path="/").update(body=b"new", etag="new")
    StatusPage.objects.update(serial=99)
    store.broken = 503

    with pytest.raises(DomainError, match="answered 503 to PUT pages/index.html"):
        pushing.keep_up(now=at)
    kept_while_broken = dict(store.objects)
    store.broken = 0
    again = pushing.keep_up(now=at)

    assert kept_while_broken == kept
    assert (again, store.objects["/pages/status/index.html"][0]) == (1, b"new")


def test_a_file_that_was_on_its_way_when_we_died_is_not_forgotten(stored, store, at):
    """It may lie there though nothing says so; when it is no longer public it must go."""
    to = bucket.configured()
    SentFile.objects.create(target=to.target, path="incidents/zzzzzzzzzzzz/index.html", etag="")

    pushing.keep_up(now=at)

    assert "DELETE /pages/status/incidents/zzzzzzzzzzzz/index.html" in store.asked


def test_a_long_first_push_is_done_in_pieces(stored, store, at, monkeypatch):
    monkeypatch.setattr(pushing, "AT_ONCE", 5)
    clock = iter(at() + timedelta(seconds=4 * tick) for tick in range(1000))

    first = pushing.keep_up(now=lambda: next(clock))
    behind = StatusPage.objects.filter(exported_serial=0).exists()
    while pushing.keep_up(now=lambda: next(clock)):
        pass

    assert 0 < first <= 10
    assert behind
    assert {pushing.place(row.path) for row in Snapshot.objects.all()} <= store.names()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"STATUSPAGE_EXPORT_SECRET": "wrong"}, "the secret is not the one of this key"),
        ({"STATUSPAGE_EXPORT_KEY": "nobody"}, "it does not know the key"),
        ({"region": "mars"}, "the region is another one"),
    ],
)
def test_a_refusal_is_a_sentence_without_the_secret(stored, store, at, settings, caplog, change, sentence):
    for name, value in change.items():
        setattr(settings, name, value)
    if "region" in change:
        settings.STATUSPAGE_EXPORT = store.url.replace(stores.REGION, change["region"])

    with caplog.at_level(logging.DEBUG), pytest.raises(DomainError, match=sentence) as refusal:
        pushing.keep_up(now=at)

    assert stores.SECRET not in f"{refusal.value} {caplog.text} {bucket.configured()!r}"
    assert store.objects == {}


def test_a_store_that_is_not_there_is_named(stored, settings, at, store):
    settings.STATUSPAGE_EXPORT = "s3+http://127.0.0.1:9/pages"

    with pytest.raises(DeliveryError, match=r"No connection to 127.0.0.1"):
        pushing.keep_up(now=at)


def test_the_folder_and_the_bucket_leave_each_other_alone(stored, store, settings, at, tmp_path):
    in_folder = exporting.keep_up(now=at)
    settings.STATUSPAGE_EXPORT = str(tmp_path / "out")

    assert (in_folder, pushing.keep_up(now=at)) == (0, 0)


def test_metrics_tell_that_the_bucket_is_behind(stored, store, at):
    def behind():
        figures = {name: samples for name, _, _, samples in health._figures(at())}
        return figures["status_page_export_behind"][0][1]

    before = behind()
    pushing.keep_up(now=at)

    assert (before, behind()) == (1.0, 0.0)


def test_the_command_pushes_at_once_and_again_when_told_to(stored, store, capsys):
    call_command("statuspage_export", store.url)
    whole = len(store.objects)
    store.objects.clear()
    call_command("statuspage_export", store.url)
    what_the_clock_changed = len(store.objects)
    call_command("statuspage_export", store.url, "--again")

    assert what_the_clock_changed < whole / 2
    assert len(store.objects) == whole
    assert "index.html" in store.names()
    assert stores.SECRET not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("s3://host", "A bucket is named like"),
        ("s3://user:word@host/bucket", "do not belong into the address"),
        ("s3://host/bucket/../other", "must not lead upwards"),
        ("s3://host:0/bucket", "A bucket is named like"),
    ],
)
def test_an_address_that_is_none_is_refused(stored, store, address, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("statuspage_export", address)


def test_the_region_is_read_from_a_host_of_aws():
    found = bucket.parse("s3://s3.eu-central-1.amazonaws.com/pages/a/b", key="k", secret="s")

    assert (found.region, found.prefix, found.origin) == (
        "eu-central-1",
        "a/b",
        "https://s3.eu-central-1.amazonaws.com",
    )


@pytest.mark.parametrize(
    ("value", "key"), [("s3://host/bucket", ""), ("s3://key:s3cr3t@host/bucket", "k"), ("ftp://host/x", "k")]
)
def test_a_setting_that_cannot_work_stops_the_start_without_repeating_a_secret(monkeypatch, value, key):
    monkeypatch.setenv("STATUSPAGE_EXPORT", value)
    monkeypatch.setenv("STATUSPAGE_EXPORT_KEY", key)
    monkeypatch.setenv("STATUSPAGE_EXPORT_SECRET", "x")

    with pytest.raises(env.Misconfigured) as refusal:
        env.folder_or_bucket("STATUSPAGE_EXPORT")

    assert "STATUSPAGE_EXPORT_KEY" in str(refusal.value)
    assert "s3cr3t" not in str(refusal.value)
