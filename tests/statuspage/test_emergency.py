"""A line on top of every served copy, and the age of one that nobody keeps up; neither needs the database."""

import io

import pytest
import time_machine
from django.core.management import CommandError, call_command

from statuspage import copies, emergency, exporting, pages, snapshots
from statuspage.documents import strips
from statuspage.edges.following import Following
from statuspage.edges.serve import Serve
from statuspage.models import StatusPage

WORDS = "Phone us: <b>0800</b> 1234"
SHOWN = "Phone us: &lt;b&gt;0800&lt;/b&gt; 1234"


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    copies.drop_all()
    return tmp_path


def banner(*args, **options):
    out = io.StringIO()
    call_command("statuspage_banner", *args, stdout=out, **options)
    return out.getvalue().strip()


@pytest.fixture
def front(post, at):
    """The front over a Django that cannot answer, and the minute it is asked at."""
    snapshots.publish_due(now=lambda: at("12:30"))
    known = Following()
    known.look(at=at("12:30"))
    known._started = True

    def broken(environ, start_response):
        raise RuntimeError("no database")

    def ask(path="/", clock="12:30", **headers):
        known._lines_until_s = 0
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path} | {
            f"HTTP_{k.upper()}": v for k, v in headers.items()
        }
        told = {}
        with time_machine.travel(at(clock), tick=False):
            body = Serve(broken, known)(
                environ, lambda status, sent: told.update(status=status, **dict(sent))
            )
        return told, b"".join(body).decode()

    return ask


# -- the line: without the database ------------------------------------------------------------------------
def test_the_command_needs_no_database_and_says_what_is_shown():
    assert banner() == "No line is shown."
    assert banner(" Phone\nus ") == "every page: Phone us"
    assert banner("Only here", page="shop").splitlines() == ["every page: Phone us", "shop: Only here"]
    assert (emergency.line("shop"), emergency.line("main")) == ("Only here", "Phone us")
    assert banner(clear=True, page="shop") == "every page: Phone us"
    assert banner(clear=True) == "No line is shown."


@pytest.mark.parametrize(("args", "clear"), [(["  \n"], False), (["x"], True)])
def test_a_line_says_something(args, clear):
    with pytest.raises(CommandError):
        banner(*args, clear=clear)


@pytest.mark.parametrize("rubbish", [b"", b"\xff", b"[1]", b'{"": 1}', b"{"])
def test_a_broken_file_says_nothing(data_dir, rubbish):
    (data_dir / emergency.FILE).write_bytes(rubbish)

    assert emergency.line("main") == ""


# -- the line: on every copy -------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/history/", "/uptime/"])
def test_the_line_stands_on_top_of_every_page_that_is_served(front, client, path):
    before = front(path)
    banner(WORDS)

    told, body = front(path)

    assert body.index(SHOWN) < body.index('<header class="top">') and "<b>0800" not in body
    assert told["ETag"] != before[0]["ETag"] and int(told["Content-Length"]) == len(body.encode())
    assert SHOWN in client.get(path).content.decode()
    assert SHOWN not in front("/api/v2/summary.json")[1] and SHOWN not in front("/embed/")[1]
    banner(clear=True)
    assert front(path)[1] == before[1]


@pytest.mark.django_db
def test_forms_refusals_and_closed_pages_show_it_too(client, page, at):
    banner(WORDS)

    for path in ("/subscribe/", "/nothing/"):
        assert SHOWN in client.get(path).content.decode()
    page.audience, page.password = "password", pages.hashed("correct horse")
    pages.settled(page, at=at()).save()
    client.post("/sign-in/", {"password": "correct horse"})
    assert SHOWN in client.get("/").content.decode()


@pytest.mark.django_db
def test_the_exported_files_take_it_over(post, at, settings, tmp_path):
    settings.STATUSPAGE_EXPORT = str(tmp_path / "out")
    snapshots.publish(StatusPage.main(), at=at())
    exporting.keep_up(now=at)
    banner(WORDS)

    assert exporting.keep_up(now=at)

    assert SHOWN in (tmp_path / "out/index.html").read_text()
    assert exporting.keep_up(now=at) == 0


# -- the age of a copy -------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_copy_that_nobody_keeps_up_says_how_old_it_is(front):
    assert "This copy is" not in front(clock="12:35")[1]

    told, body = front(clock="12:47")

    assert (
        "This copy is 17 minutes old." in body and ">12:30\u00a0UTC</time>; there may be newer news." in body
    )
    assert body.index('class="strip old"') < body.index('<header class="top">')
    assert "This copy is 3 hours old." in front(clock="15:40")[1]
    assert "This copy is 17 minutes old." in front("/history/", clock="12:47")[1]
    assert "This copy is" not in front("/api/v2/status.json", clock="12:47")[1]
    again, empty = front(clock="12:47", if_none_match=told["ETag"])
    assert (again["status"], empty) == ("304 Not Modified", "")


def test_strips_go_nowhere_where_there_is_no_header():
    assert strips.laid_over(b"<p>bare</p>", line="x") == b"<p>bare</p>"
