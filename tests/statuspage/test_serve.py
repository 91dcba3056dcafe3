"""Answers without Django: bytes, marks, refusals to guess, and the last good copy when all else fails."""

import gzip
from datetime import timedelta

import pytest

from oncall import clock
from statuspage import publishing, snapshots
from statuspage.edges import disk
from statuspage.edges.following import Following
from statuspage.edges.serve import Serve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


class Django:
    """Stands where Django's application would: says that it was asked."""

    status = "200 OK"
    fails = False

    def __call__(self, environ, start_response):
        if self.fails:
            raise RuntimeError("no database")
        start_response(self.status, [("Content-Type", "text/plain")])
        return [b"Django"]


@pytest.fixture
def django():
    return Django()


@pytest.fixture
def followed(post, at):
    """What a process knows after the page was rendered at half past twelve."""
    snapshots.publish_due(now=lambda: at("12:30"))
    known = Following()
    known.look(at=at("12:30"))
    known._started = True
    return known


@pytest.fixture
def ask(django, followed):
    front = Serve(django, followed)

    def asked(path="/", method="GET", query="", **headers):
        told = {}

        def start_response(status, headers, *failure):
            told["status"], told["headers"] = status, dict(headers)

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        body = b"".join(front(environ, start_response))
        return told["status"], told["headers"], body

    return asked


def test_a_document_is_answered_without_a_query(ask, django_assert_num_queries):
    with django_assert_num_queries(0):
        status, headers, body = ask("/")

    assert status == "200 OK" and b"Card payments failing" in body
    assert headers["Content-Length"] == str(len(body))
    assert "stale-if-error" in headers["Cache-Control"] and "Set-Cookie" not in headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_every_header_of_the_view_is_there_too(ask, client):
    for path in ("/", "/api/v2/summary.json"):
        _, headers, _ = ask(path)
        of_view = {name: value for name, value in client.get(path).items() if name != "ETag"}
        assert of_view.keys() - headers.keys() == set(), path


@pytest.mark.parametrize("path", ["/history", "/history/", "/api/v2/status.json"])
def test_pages_answer_with_and_without_the_last_slash(ask, path):
    assert ask(path)[0] == "200 OK" and ask(path)[2] != b"Django"


def test_the_compressed_form_is_the_same_document(ask):
    plain, packed = ask("/"), ask("/", accept_encoding="gzip, br")

    assert gzip.decompress(packed[2]) == plain[2]
    assert packed[1]["Content-Encoding"] == "gzip" and packed[1]["ETag"] != plain[1]["ETag"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*", "W/{}, *"])
@pytest.mark.parametrize("encoding", ["gzip", ""])
def test_who_has_it_gets_304_and_no_body(ask, form, encoding):
    mark = ask("/", accept_encoding=encoding)[1]["ETag"]

    status, headers, body = ask("/", if_none_match=form.format(mark), accept_encoding=encoding)

    assert (status, body) == ("304 Not Modified", b"")
    assert "Content-Length" not in headers and headers["ETag"] == mark


def test_the_date_of_change_is_understood_too(ask):
    told = ask("/")[1]["Last-Modified"]

    assert ask("/", if_modified_since=told)[0] == "304 Not Modified"
    assert ask("/", if_modified_since="Mon, 01 Jan 2001 00:00:00 GMT")[0] == "200 OK"
    assert ask("/", if_modified_since="nonsense")[0] == "200 OK"
    assert ask("/", if_modified_since=told, if_none_match='"other"')[0] == "200 OK"


def test_head_has_every_header_and_no_body(ask):
    status, headers, body = ask("/api/v2/components.json", method="HEAD")

    assert (status, body) == ("200 OK", b"") and int(headers["Content-Length"]) > 100


@pytest.mark.parametrize("path", ["/admin/", "/subscribe/", "/nothing/", "/../", "//", "/;.js", "/\x00"])
def test_what_is_not_kept_goes_on_to_django(ask, path):
    assert ask(path)[2] == b"Django"


def test_writing_and_questions_of_a_document_go_on_to_django(ask):
    assert ask("/", method="POST")[2] == b"Django"
    assert ask("/history/", query="month=2026-08")[2] == b"Django"
    assert ask("/api/v2/summary.json", query="nonce=1")[2] != b"Django"


def test_a_poisoned_host_changes_no_byte(ask):
    assert ask("/", host="evil.example")[2] == ask("/")[2]


def test_a_change_is_taken_over_at_the_next_look(ask, followed, post, alice, at):
    publishing.update(post, status="identified", body="Nobody can pay.", by=alice, at=at("12:31"))
    snapshots.publish_due(now=lambda: at("12:31"))

    followed.look(at=at("12:31"))

    assert b"Nobody can pay." in ask("/")[2]


def test_a_look_at_an_unchanged_page_is_one_query(followed, at, django_assert_num_queries):
    with django_assert_num_queries(1):
        followed.look(at=at("12:30"))


def test_while_nobody_renders_a_view_answers_and_the_copy_stands_in(ask, django, followed, post, alice, at):
    publishing.update(post, status="identified", body="Nobody can pay.", by=alice, at=at("12:30"))
    followed.look(at=at("12:30"))
    assert ask("/")[2] != b"Django"

    followed.look(at=at("12:30") + timedelta(seconds=3))
    assert ask("/")[2] == b"Django"

    django.status = "503 Service Unavailable"
    assert ask("/")[0] == "200 OK" and b"Card payments failing" in ask("/")[2]
    django.fails = True
    assert ask("/")[0] == "200 OK"


def test_copies_that_the_clock_has_left_behind_are_not_trusted(followed, at):
    followed.look(at=at("12:40"))

    assert followed.main.is_behind


def test_a_new_process_begins_with_what_lies_on_the_disk(followed):
    other = Following()
    other.load(at=clock.now())

    assert other.main.answers.keys() == followed.main.answers.keys()
    assert other.main.answers["/"].rendered == followed.main.answers["/"].rendered


def test_a_file_that_is_cut_short_is_left_out(followed, data_dir):
    etag = followed.main.answers["/"].rendered.etag
    path = data_dir / "public" / f"{etag}.body"
    path.write_bytes(path.read_bytes()[:100])

    (kept,) = disk.read()
    assert "/" not in {one.path for one in kept.documents}
    assert "/history/" in {one.path for one in kept.documents}


def test_rubbish_on_the_disk_is_no_page(data_dir):
    (data_dir / "public").mkdir()
    for rubbish in (b"", b"\xff", b"[1]", b'[{"path": "/"}]', b'{"a": 1}'):
        (data_dir / "public" / disk.MANIFEST).write_bytes(rubbish)
        assert disk.read() == []


def test_a_full_disk_keeps_the_old_files_and_stops_nothing(followed, data_dir, monkeypatch, caplog, at):
    def full(path, body):
        raise OSError(28, "No space left on device")

    before = (data_dir / "public" / disk.MANIFEST).read_bytes()
    monkeypatch.setattr("statuspage.files.replace", full)
    snapshots.publish_due(now=lambda: at("12:35"))

    followed.look(at=at("12:35"))

    assert "12:35" in followed.main.answers["/"].rendered.body.decode()
    assert (data_dir / "public" / disk.MANIFEST).read_bytes() == before
    assert "No space left" in caplog.text
