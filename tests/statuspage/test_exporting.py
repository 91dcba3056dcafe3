"""The page as files: the same bytes, nothing outside, nothing that is no longer public."""

import gzip

import pytest
from django.core.management import CommandError, call_command

from oncall.messaging.errors import DomainError
from statuspage import exporting, snapshots
from statuspage.exporting import Site
from statuspage.models import Component, Post, Snapshot, StatusPage
from statuspage.snapshots import Rendered

pytestmark = pytest.mark.django_db


def export(folder):
    call_command("statuspage_export", str(folder))
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def test_every_document_lies_at_its_address_beside_its_compressed_form(post, tmp_path):
    files = export(tmp_path / "out")

    for row in Snapshot.objects.all():
        name = row.path.strip("/")
        name = f"{name}/index.html".lstrip("/") if row.path.endswith("/") else name
        assert files[name].read_bytes() == bytes(row.body)
        assert gzip.decompress(files[f"{name}.gz"].read_bytes()) == bytes(row.body)
    assert "static/statuspage/status.css" in files
    assert "/api/v2/summary.json\n  Content-Type: application/json" in files["_headers"].read_text()


def test_a_file_whose_bytes_have_not_changed_is_left_untouched(post, tmp_path):
    path = export(tmp_path / "out")["api/v2/summary.json"]
    before = path.stat().st_mtime_ns

    export(tmp_path / "out")

    assert path.stat().st_mtime_ns == before


def test_what_is_no_longer_public_is_deleted(post, tmp_path):
    export(tmp_path / "out")
    Post.objects.get(pk=post.pk).delete()

    assert not [name for name in export(tmp_path / "out") if post.public_id in name]


def test_a_folder_with_other_things_in_it_is_refused(post, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(CommandError, match="holds other files"):
        export(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_refused(post, tmp_path):
    (tmp_path / "out").write_text("mine")

    with pytest.raises(CommandError, match="is a file"):
        export(tmp_path / "out")


@pytest.mark.parametrize("path", ["/../outside", "/a/../../outside/", "/../../etc/passwd"])
def test_no_path_leads_out_of_the_folder(tmp_path, path):
    evil = Rendered(path, "json", b"x", b"x", "0" * 16)

    with pytest.raises(DomainError, match="outside"):
        exporting.write([Site("", "main", [evil])], tmp_path / "out")

    assert not (tmp_path / "outside").exists()


def test_the_page_need_not_have_been_rendered_before(page, tmp_path):
    assert not StatusPage.main().rendered_version

    assert "index.html" in export(tmp_path / "out")


def test_a_kept_page_is_what_was_stored(post, at):
    snapshots.publish(StatusPage.main(), at=at())

    assert {one.path for one in snapshots.kept(StatusPage.main())} == set(
        Snapshot.objects.values_list("path", flat=True)
    )


def test_the_pulse_writes_the_page_where_it_is_told_and_only_when_it_changed(post, at, settings, tmp_path):
    settings.STATUSPAGE_EXPORT = str(tmp_path / "out")
    snapshots.publish(StatusPage.main(), at=at())

    assert exporting.keep_up(now=at) > 10
    assert (tmp_path / "out" / "index.html").exists()
    assert exporting.keep_up(now=at) == 0


def test_every_public_page_lies_where_its_address_says(post, at, tmp_path, settings):
    settings.STATUSPAGE_EXPORT = str(tmp_path / "out")
    for slug, host in {"shop": "", "desk": "desk.example"}.items():
        made = StatusPage.objects.create(slug=slug, name=f"The {slug}", host=host)
        Component.objects.create(page=made, slug=f"{slug}-api", name=f"API of {slug}")
    StatusPage.objects.create(slug="staff", name="Staff", audience="staff", closed_at=at())

    files = export(tmp_path / "out")

    assert "API of shop" in files["p/shop/index.html"].read_text()
    assert "API of desk" in files["_hosts/desk.example/index.html"].read_text()
    assert {
        "static/statuspage/status.css",
        "_hosts/desk.example/static/statuspage/status.css",
    } <= files.keys()
    assert not [name for name in files if "staff" in name]
    assert exporting.keep_up(now=at) == 0 or exporting.keep_up(now=at) == 0


def test_the_pulse_takes_away_a_page_that_is_not_public_any_more(post, at, tmp_path, settings):
    settings.STATUSPAGE_EXPORT = str(tmp_path / "out")
    shop = StatusPage.objects.create(slug="shop", name="Shop")
    snapshots.publish(StatusPage.main(), at=at())
    snapshots.publish(shop, at=at())
    exporting.keep_up(now=at)
    assert (tmp_path / "out/p/shop/index.html").exists()

    shop.audience, shop.closed_at = "staff", at()
    shop.save()
    exporting.keep_up(now=at)

    assert not (tmp_path / "out/p").exists() and (tmp_path / "out/index.html").exists()


def test_one_page_alone_is_written_as_the_root_of_its_host(post, at, tmp_path):
    StatusPage.objects.create(slug="desk", name="Desk", host="desk.example")
    StatusPage.objects.create(slug="shop", name="Shop")

    call_command("statuspage_export", str(tmp_path / "out"), page="desk")

    assert "Desk" in (tmp_path / "out/index.html").read_text()
    with pytest.raises(CommandError, match="no host of its own"):
        call_command("statuspage_export", str(tmp_path / "other"), page="shop")
    with pytest.raises(CommandError, match="There is no status page"):
        call_command("statuspage_export", str(tmp_path / "other"), page="nope")
