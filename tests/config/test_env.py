"""A wrong setting ends the start with one sentence; a right one does what the README says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import env

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def given(monkeypatch):
    """Set X to a value."""
    return lambda value: monkeypatch.setenv("X", value)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (env.flag, "maybe"),
        (lambda name: env.number(name, 1), "many"),
        (lambda name: env.number(name, 1), "-1"),
        (lambda name: env.number(name, 1, most=10), "11"),
        (lambda name: env.number(name, 1), "²"),
        (lambda name: env.seconds(name, "1s"), "1"),
        (lambda name: env.seconds(name, "1s"), "nans"),
        (lambda name: env.seconds(name, "1s"), "0s"),
        (lambda name: env.seconds(name, "1s"), "2h"),
        (lambda name: env.public_url(name, ""), "muster.example.com"),
        (lambda name: env.public_url(name, ""), "ftp://muster.example.com"),
        (lambda name: env.public_url(name, ""), "https://muster.example.com/?a=b"),
        (lambda name: env.public_url(name, ""), "https://muster.example.com:port"),
        (lambda name: env.public_url(name, ""), "https://[::1"),
        (lambda name: env.database(name, Path()), "mysql://host/muster"),
        (lambda name: env.database(name, Path()), "postgres://host"),
        (lambda name: env.database(name, Path()), "postgres://host:port/muster"),
        (lambda name: env.database(name, Path()), "postgres://[host/muster"),
        (lambda name: env.database(name, Path()), "not a url"),
        (env.email, "smtp://"),
        (env.email, "http://relay"),
        (env.email, "smtp://relay:port"),
        (env.email, "smtp://relay?tls=maybe"),
        (env.email, "smtp://[relay"),
        (env.redis, "localhost:6379"),
        (env.redis, "redis://"),
        (env.redis, "redis://host:port"),
        (lambda name: env.secret_key(name, Path()), "short"),
        (env.token, "two words"),
        (lambda name: env.token(name, "xox.*"), "abc"),
        (env.api_url, "chat.example.com"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(given, read, value):
    given(value)

    with pytest.raises(env.Misconfigured) as refusal:
        read("X")

    assert str(refusal.value).startswith("muster: X ")
    assert "\n" not in str(refusal.value)


def test_a_password_is_not_repeated_in_the_refusal(given):
    given("mysql://muster:hunter2@host/muster")

    with pytest.raises(env.Misconfigured) as refusal:
        env.database("X", Path())

    assert "hunter2" not in str(refusal.value)


def test_a_token_is_not_repeated_in_the_refusal(given):
    given("hunter2 hunter2")

    with pytest.raises(env.Misconfigured) as refusal:
        env.token("X")

    assert "hunter2" not in str(refusal.value)


def test_of_settings_that_need_each_other_none_stands_alone():
    with pytest.raises(env.Misconfigured, match="CHAT_TOKEN must be set too, since CHAT_URL is"):
        env.together(CHAT_URL="https://chat.example.com", CHAT_TOKEN="")

    env.together(CHAT_URL="", CHAT_TOKEN="")
    env.together(CHAT_URL="https://chat.example.com", CHAT_TOKEN="x")


def test_a_database_on_postgresql(given):
    given("postgres://mu:p%40ss@db.example.com:5433/muster?sslmode=require")

    found = env.database("X", Path())

    assert (found["USER"], found["PASSWORD"], found["PORT"], found["NAME"]) == (
        "mu",
        "p@ss",
        "5433",
        "muster",
    )
    assert found["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("value", "path"), [("sqlite:///data/m.db", "/data/m.db"), ("sqlite:////data/m.db", "/data/m.db")]
)
def test_a_database_on_sqlite(given, value, path):
    given(value)

    assert env.database("X", Path())["NAME"] == path


@pytest.mark.parametrize(
    ("value", "port", "starttls", "ssl"),
    [
        ("smtp://relay", 25, False, False),
        ("smtp://relay?tls=starttls", 587, True, False),
        ("smtps://relay", 465, False, True),
        ("smtp://relay:2525?tls=ssl", 2525, False, True),
    ],
)
def test_a_mail_relay(given, value, port, starttls, ssl):
    given(value)

    found = env.email("X")

    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (port, starttls, ssl)


def test_the_key_is_made_once(tmp_path, monkeypatch):
    monkeypatch.delenv("X", raising=False)

    first, second = env.secret_key("X", tmp_path), env.secret_key("X", tmp_path)

    assert first == second
    assert len(first) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_dotenv_file_gives_way_to_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("X", "set")
    monkeypatch.setenv("Y", "")
    monkeypatch.delenv("Y")
    (tmp_path / ".env").write_text("# ours\nX=file\nexport Y='two words'\n")

    env.read_dotenv(tmp_path / ".env")

    assert (os.environ["X"], os.environ.pop("Y")) == ("set", "two words")


def test_a_dotenv_line_without_a_value_is_refused(tmp_path):
    (tmp_path / ".env").write_text("X=1\nwhat is this\n")

    with pytest.raises(env.Misconfigured, match="line 2"):
        env.read_dotenv(tmp_path / ".env")


@pytest.mark.parametrize(
    "wrong",
    [
        {"SECRET_KEY": "short"},
        {"DATABASE_URL": "oracle://db/muster"},
        {"EMAIL_URL": "gopher://relay"},
        {"DATA_DIR": "/proc/nowhere"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_the_command_line_ends_with_one_sentence(wrong, tmp_path):
    environment = (
        os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"} | wrong
    )

    run = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert run.returncode == 1
    assert run.stderr.startswith(f"muster: {next(iter(wrong))} ")
    assert run.stderr.count("\n") == 1
