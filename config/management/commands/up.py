"""``manage.py up``: the whole portal in the foreground."""

import io
import sys

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from config import demo
from config.supervisor import Child, Supervisor, is_taken, say
from oncall.models import User
from statuspage.edges import disk

WEB_OPTIONS = (
    "--workers-kill-timeout 5 --blocking-threads 4 --backpressure 64 --respawn-failed-workers --no-ws"
)
ENGINE = [sys.executable, "manage.py", "engine"]


def web() -> list[str]:
    """The command line of the web server."""
    place = ["--host", settings.BIND, "--port", str(settings.PORT), "--workers", str(settings.WEB_WORKERS)]
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--log-level", "warning"]
    return [*server, *place, *WEB_OPTIONS.split(), "config.wsgi:application"]


class Command(BaseCommand):
    """Migrations, web server and pulse; restarted if one dies, stopped together."""

    help = "Applies pending migrations, then runs web server and pulse until Ctrl-C or SIGTERM."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--no-migrate", action="store_true", help="leave the database's form as it is")
        parser.add_argument("--no-engine", action="store_true", help="the web server alone")
        parser.add_argument("--no-web", action="store_true", help="the pulse alone")
        parser.add_argument("--demo", action="store_true", help="load the demo company if nobody is there")

    def handle(self, *args, no_migrate, no_engine, no_web, **options) -> None:
        if not no_web and is_taken(settings.BIND, settings.PORT):
            raise CommandError(f"Port {settings.PORT} on {settings.BIND} is taken. Set PORT to another one.")
        self._prepare(migrate=not no_migrate, fill=options["demo"])
        greeting = banner(web=not no_web, engine=not no_engine)
        children = [] if no_web else [Child("web", web())]
        children += [] if no_engine else [Child("engine", ENGINE)]
        connection.close()

        def greet_once_up() -> bool:
            if no_web or is_taken(settings.BIND, settings.PORT):
                self.stdout.write(greeting)
                self.stdout.flush()  # a pipe or a file would hold it back until the end
                return True
            return False

        Supervisor(children).run(greet_once_up)

    def _prepare(self, *, migrate: bool, fill: bool) -> None:
        try:
            if migrate:
                call_command("migrate", verbosity=0, interactive=False)
            if fill and not User.objects.exists():
                self.stdout.write("Loading the demo company ...")
                call_command("demo", stdout=io.StringIO())
        except DatabaseError as failure:
            why = f"The database cannot be used: {str(failure).strip()}"
            if not any(kept.documents for kept in disk.read()):
                raise CommandError(why) from None
            # A machine that restarts while the database is away still has customers who want to know.
            say(f"{why}\nThe status page is answered from its last copies; all else waits for the database.")


def banner(*, web: bool, engine: bool) -> str:
    """What an operator wants to know in the first second."""
    beats = "Celery on Redis; this engine stands by" if settings.REDIS_URL else "this engine"
    kept = "kept here, readable in the portal (set EMAIL_URL to send it)"
    rows = {
        "Status page": f"{settings.PUBLIC_URL}/" if web else "not served here (--no-web)",
        "Portal": f"{settings.PUBLIC_URL}/admin/" if web else "not served here (--no-web)",
        "Sign in": who_may_sign_in(),
        "Pulse": beats if engine else "not started here (--no-engine)",
        "Mail": f"sent through {settings.EMAIL_HOST}" if settings.EMAIL_CONFIGURED else kept,
        "Database": "SQLite" if connection.vendor == "sqlite" else "PostgreSQL",
        "Data": str(settings.DATA_DIR),
    }
    told = "\n".join(f"  {name:<12} {text}" for name, text in rows.items())
    return f"\n  Muster is up. Ctrl-C stops it.\n{told}\n"


def who_may_sign_in() -> str:
    """The demo's login while it works, or how to make a first account."""
    username, password = demo.LOGIN
    try:
        alice = User.objects.filter(username=username, is_staff=True).first()
        if alice and alice.check_password(password):
            return f"as {username}, password {password} (the demo company)"
        if User.objects.filter(is_superuser=True).exists():
            return "with your account"
    except DatabaseError:
        return "once the database is back"
    return "with an account: make the first with `manage.py createsuperuser`"
