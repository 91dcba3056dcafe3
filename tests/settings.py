"""Settings of the suite: the product's own, with a cheap password hash and a database of its own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_scratch = tempfile.mkdtemp(prefix="muster-tests-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
os.environ.update(
    {
        "DATA_DIR": _scratch,
        "SECRET_KEY": "tests-only-" + "x" * 40,
        "PUBLIC_URL": "http://testserver",
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
        "REDIS_URL": "",
        "EMAIL_URL": "",
        "TWILIO_ACCOUNT_SID": "",
        "TWILIO_AUTH_TOKEN": "",
        "TWILIO_FROM": "",
        "SMS_GATEWAY_URL": "",
        "VOICE_GATEWAY_URL": "",
        "LOG_LEVEL": "WARNING",
    }
)
#: No chat service of whoever runs the suite.
for _service in ("SLACK", "MATTERMOST", "MATRIX", "TELEGRAM", "NTFY", "PUSHOVER", "APPRISE"):
    for _what in ("URL", "TOKEN", "BOT_TOKEN", "SIGNING_SECRET", "WEBHOOK_SECRET", "SCHEMAS"):
        os.environ[f"{_service}_{_what}"] = ""

from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES  # noqa: E402

# A thread that kept its connection would keep the suite from dropping its database.
HANDS_REST_S = 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: memory ignores WAL and IMMEDIATE, which is what we want to test.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(_scratch) / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
# Looked up when asked for: listing all static files anew for each test's client costs more than most tests.
WHITENOISE_AUTOREFRESH = True
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # What a crash of the server would lose is no concern of a test's.
    DATABASES["default"]["OPTIONS"]["options"] = "-c synchronous_commit=off"
