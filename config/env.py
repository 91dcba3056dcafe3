"""Settings from the environment: each wrong value ends the start with one sentence."""

import os
import re
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


class Misconfigured(SystemExit):
    """A setting that cannot work; the message is the one sentence an operator reads."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"muster: {sentence}")


def read_dotenv(path: Path) -> None:
    """Put the KEY=value lines of a ``.env`` file into the environment; what is already set wins."""
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals:
            raise Misconfigured(f"{path.name} line {number} is not KEY=value.")
        os.environ.setdefault(name.strip(), value.strip().strip("'\""))


def text(name: str, default: str = "") -> str:
    """The value as it stands, without surrounding blanks."""
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    """A yes or no."""
    value = text(name, "1" if default else "0").lower()
    if value not in TRUE | FALSE:
        raise Misconfigured(f"{name} must be 1 or 0, not {value!r}.")
    return value in TRUE


def number(name: str, default: int, *, least: int = 0, most: int = 65535) -> int:
    """A whole number within bounds."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        raise Misconfigured(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def seconds(name: str, default: str) -> float:
    """A length of time such as ``1s``, ``0.5s`` or ``2m``, in seconds."""
    value = text(name, default)
    units = {"s": 1.0, "m": 60.0}
    try:
        length = float(value[:-1]) * units[value[-1:]]
    except (ValueError, KeyError):
        raise Misconfigured(f"{name} must be a length of time such as 1s, not {value!r}.") from None
    if not 0.05 <= length <= 3600:
        raise Misconfigured(f"{name} must lie between 0.05s and 60m, not {value!r}.")
    return length


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas or blanks."""
    return text(name, default).replace(",", " ").split()


def public_url(name: str, default: str) -> str:
    """The address under which people reach the portal, without a slash at its end."""
    value = text(name, default)
    try:
        parts = urlsplit(value)
        well = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        well = False
    if not well or parts.query or parts.fragment:
        raise Misconfigured(f"{name} must be an address such as https://muster.example.com, not {value!r}.")
    return value.rstrip("/")


def token(name: str, pattern: str = r"[!-~]+") -> str:
    """A secret of one word; empty when unset. The message about a wrong one does not repeat it."""
    value = text(name)
    if value and not re.fullmatch(pattern, value):
        raise Misconfigured(f"{name} does not look as it should: copy it again, without blanks around it.")
    return value


def api_url(name: str, default: str = "") -> str:
    """The address of a service that the portal calls, without a slash at its end; empty when unset."""
    return public_url(name, default) if text(name, default) else ""


def together(**values: str) -> None:
    """Refuse settings of which some are there and others, without which they are of no use, are not."""
    missing = [name for name, value in values.items() if not value]
    if missing and len(missing) < len(values):
        given = " and ".join(name for name in values if name not in missing)
        raise Misconfigured(f"{' and '.join(missing)} must be set too, since {given} is.")


def web_address(name: str) -> str:
    """An http or https address, or nothing."""
    value = text(name)
    try:
        parts = urlsplit(value)
        well = not value or (parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:
        well = False
    if not well:
        raise Misconfigured(f"{name} must be an address such as https://watchdog.example.com/ping/secret.")
    return value


def folder_or_bucket(name: str) -> str:
    """A folder, or a bucket as ``s3://host/bucket/prefix?region=…`` whose key and secret stand in ``…_KEY`` and
    ``…_SECRET``. The message about a wrong one does not repeat it.
    """
    value = text(name)
    if "://" not in value:
        return value
    if not re.fullmatch(
        r"s3(\+http)?://[A-Za-z0-9.:\[\]-]+/[a-z0-9][a-z0-9._-]+(/[!-~]*)?", value.partition("?")[0]
    ):
        raise Misconfigured(
            f"{name} must be a folder or look like s3://s3.eu-central-1.amazonaws.com/bucket/prefix; "
            f"key and secret belong into {name}_KEY and {name}_SECRET."
        )
    if not (text(f"{name}_KEY") and text(f"{name}_SECRET")):
        raise Misconfigured(f"{name} is a bucket, so {name}_KEY and {name}_SECRET must be set too.")
    return value


def database(name: str, data_dir: Path) -> dict:
    """Django's DATABASES entry for ``sqlite:///path`` or ``postgres://user:password@host:port/name``."""
    value = text(name)
    if not value:
        return sqlite(data_dir / "muster.sqlite3")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise Misconfigured(f"{name} has a port that is not a number.") from None
    if parts.scheme == "sqlite" and parts.path.strip("/"):
        return sqlite(Path(parts.path.removeprefix("/") if parts.path.startswith("//") else parts.path))
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise Misconfigured(
            f"{name} must look like postgres://user:password@host:5432/muster or sqlite:///path, "
            f"not {parts.scheme}://…"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **dict(parse_qsl(parts.query))},
    }


def sqlite(path: Path) -> dict:
    """SQLite as a server needs it: one writer at a time, durable on commit, readers never blocked."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A deferred transaction that turns into a writer fails at once instead of waiting its turn.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: an alert answered 202 survives a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000; "
            "PRAGMA journal_size_limit=27103364;",
        },
    }


def redis(name: str) -> str:
    """Celery's broker, ``redis://host:port/number``; empty when unset: the engine needs none."""
    value = text(name)
    try:
        parts = urlsplit(value)
        well = not value or (parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0)
    except ValueError:
        well = False
    if not well:
        raise Misconfigured(f"{name} must look like redis://host:6379/0.")
    return value


def email(name: str) -> dict[str, object]:
    """Django's e-mail settings from ``smtp://user:password@host:port?tls=starttls|ssl|off``; {} if unset."""
    value = text(name)
    if not value:
        return {}
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise Misconfigured(f"{name} has a port that is not a number.") from None
    query = dict(parse_qsl(parts.query))
    tls = query.get("tls", "ssl" if parts.scheme == "smtps" else "off")
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or tls not in {"starttls", "ssl", "off"}:
        raise Misconfigured(
            f"{name} must look like smtp://user:password@host:587?tls=starttls (or tls=ssl, tls=off)."
        )
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or {"starttls": 587, "ssl": 465, "off": 25}[tls],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": tls == "starttls",
        "EMAIL_USE_SSL": tls == "ssl",
    }


def secret_key(name: str, data_dir: Path) -> str:
    """The given key, or one generated into ``DATA_DIR/secret_key`` on the first start."""
    value = text(name)
    if value:
        if len(value) < 32:
            raise Misconfigured(f"{name} must be at least 32 characters long; leave it out to have one made.")
        return value
    path = data_dir / "secret_key"
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            os.link(fresh, path)  # two first starts at once agree on one key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii").strip()
