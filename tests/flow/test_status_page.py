"""The status page outlives the database: it goes on answering, and a process that starts meanwhile answers too."""

import time

import psycopg
import pytest
from psycopg import sql

from tests.flow.portal import portal, until

pytestmark = pytest.mark.flow

PATHS = ("/", "/history/", "/api/v2/summary.json", "/static/statuspage/status.css", "/healthz")


class Server:
    """Shuts one database of the server out and lets it in again, as a restart or a failover would."""

    def __init__(self, url: str) -> None:
        self._base, self._name = url.rsplit("/", 1)

    def let_in(self, yes: bool) -> None:
        with psycopg.connect(f"{self._base}/postgres", autocommit=True) as server:
            name = sql.Identifier(self._name)
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(name, sql.Literal(yes)))
            if not yes:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._name]
                )


def test_the_page_answers_while_the_database_is_away(postgres):
    server = Server(postgres)
    with portal(DATABASE_URL=postgres) as made:
        made.manage("demo")
        up = made.up()
        until(lambda: "last-modified" in made.http.get("/").headers, what="the first snapshot")

        server.let_in(False)
        statuses = {
            made.http.get(path).status_code for _ in range(60) for path in PATHS if not time.sleep(0.01)
        }
        refused = made.alert("k" * 43, {}).status_code

        up.stop()
        made.start("again", "manage.py", "up", "--no-engine")
        until(lambda: _front(made), 60, "the page from the disk", lambda: made.told("again"))

        server.let_in(True)

    assert statuses == {200}
    assert refused == 503


def _front(made) -> bool:
    try:
        return (
            made.http.get("/").status_code == 200 and made.http.get("/api/v2/summary.json").status_code == 200
        )
    except OSError:
        return False
    except Exception as error:
        assert "Connect" in type(error).__name__, error
        return False


def test_what_is_published_is_on_the_page_within_seconds():
    with portal() as made:
        made.manage("demo")
        made.up()
        until(lambda: "last-modified" in made.http.get("/").headers, what="the first snapshot")

        made.python("""
            from oncall import clock
            from statuspage import publishing

            publishing.publish(name="Payments fail", body="We look into it.", by=None, at=clock.now())
            """)

        until(lambda: "Payments fail" in made.http.get("/").text, 5, "the post on the page")
        until(
            lambda: "Payments fail" in made.http.get("/api/v2/incidents.json").text, 5, "the post in the API"
        )
