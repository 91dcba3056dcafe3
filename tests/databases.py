"""Databases for tests, migrated once: a copy costs milliseconds, a hundred migrations cost seconds.

The template is kept between runs, under a name that holds a digest of all migrations and locked packages, and
made anew when that changes. Shared by the suite and by the flow tests, whose portals run in other processes.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "test-templates"


@cache
def digest() -> str:
    """What a migrated database depends on: its form, and the groups that a migration ships."""
    seen = hashlib.sha256()
    shipped = [ROOT / "config" / "groups.py", ROOT / "requirements" / "dev.txt"]
    for path in [*sorted(ROOT.glob("**/migrations/*.py")), *shipped]:
        if ".venv" not in path.parts:
            seen.update(path.name.encode() + path.read_bytes())
    return seen.hexdigest()[:12]


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """One process of all at a time: several workers of pytest want the template at the same moment."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def migrate(database_url: str) -> None:
    """Apply all migrations in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = {
            "DATABASE_URL": database_url,
            "DATA_DIR": scratch,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        command = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(command, cwd=ROOT, env=os.environ | settings, check=True)


def sqlite_template() -> Path:
    """The file of a migrated SQLite database, without a write-ahead log beside it."""
    template = FOLDER / f"{digest()}.sqlite3"
    with _alone("sqlite"):
        if not template.exists():
            for old in FOLDER.glob("*.sqlite3*"):
                old.unlink()
            fresh = FOLDER / f"fresh-{os.getpid()}.sqlite3"
            migrate(f"sqlite:///{fresh}")
            with contextlib.closing(sqlite3.connect(fresh)) as link:
                link.execute("PRAGMA journal_mode=DELETE")
            fresh.rename(template)
    return template


def copy_sqlite(to: Path) -> None:
    """A fresh migrated SQLite database at a path."""
    shutil.copyfile(sqlite_template(), to)


def postgres_template(server_url: str) -> str:
    """The name of a migrated PostgreSQL database on a server (any database URL of it)."""
    # The path is part of the name, so that two checkouts on one server do not drop each other's.
    prefix = f"muster_template_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]}_"
    name = prefix + digest()
    base = server_url.rpartition("/")[0]
    with _alone("postgres"), psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        there = {row[0] for row in server.execute("SELECT datname FROM pg_database")}
        if name not in there:
            for old in there:
                if old.startswith(prefix):
                    server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"{name}_fresh")))
            migrate(f"{base}/{name}_fresh")
            both = sql.Identifier(f"{name}_fresh"), sql.Identifier(name)
            server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*both))
    return name


# -- after a test that committed ---------------------------------------------------------------------------
#: Row by row, since only a few tables have any; TRUNCATE makes a new file of every table.
EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'
    LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END $$
"""


class Pristine:
    """The rows that migrations ship, and no others, after a test that committed."""

    def __init__(self, connection) -> None:
        self._connection = connection
        self._rows: dict[str, bytes] = {}
        if connection.vendor == "postgresql":
            self._keep()

    def put_back(self) -> None:
        """Make every table what it was after the migrations."""
        if self._connection.vendor == "postgresql":
            self._restore()
            return
        self._connection.ensure_connection()
        with contextlib.closing(sqlite3.connect(sqlite_template())) as template:
            template.backup(self._connection.connection)

    def _keep(self) -> None:
        with self._connection.cursor() as cursor:
            for table in set(self._connection.introspection.table_names(cursor)) - {"django_migrations"}:
                with cursor.copy(f'COPY "{table}" TO STDOUT') as rows:
                    kept = b"".join(bytes(piece) for piece in rows)
                if kept:
                    self._rows[table] = kept

    def _restore(self) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")  # foreign keys in any order
            cursor.execute(EMPTY)
            for table, kept in self._rows.items():
                with cursor.copy(f'COPY "{table}" FROM STDIN') as rows:
                    rows.write(kept)
            cursor.execute("SET session_replication_role = DEFAULT")
