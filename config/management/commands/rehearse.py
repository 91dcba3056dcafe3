"""``manage.py rehearse SERVICE``: whom an incident would page, when and how; writes and sends nothing."""

from datetime import UTC, datetime

from django.core.management.base import BaseCommand, CommandError

from incidents import rehearsal
from incidents.models import Severity
from oncall import clock
from oncall.edges import times
from oncall.models import Service
from oncall.rehearsal import GOOD, NONE, WEAK, Line, reason, summary

MARKS = {GOOD: "ok  ", WEAK: "weak", NONE: "NONE", "": "    "}


class Command(BaseCommand):
    """Prints a line for each thing that would happen, and what is weak about it."""

    help = "Dry run: whom an incident on a service would page, at any time and severity."

    def add_arguments(self, parser) -> None:
        parser.add_argument("service", help="the service's slug")
        parser.add_argument(
            "--at", help="an instant such as 2026-03-22T03:00Z; by default now, without a zone UTC"
        )
        parser.add_argument("--severity", help="a severity's slug; by default none yet")

    def handle(self, *args, service: str, at: str | None, severity: str | None, **options) -> None:
        found = Service.objects.select_related("policy__team", "team").filter(slug=service).first()
        if found is None:
            raise CommandError(f"There is no service {service!r}.")
        instant, level = self._instant(at), self._severity(severity)
        shown = rehearsal.rehearse(found, severity=level, at=instant)
        when = f"{instant:%A} {instant.day} {instant:%B %Y %H:%M} UTC" + (f", {level.name}" if level else "")
        self.stdout.write("".join(summary(shown, when=when, span=times.span)))
        for line in shown.lines:
            self.stdout.write(_written(line))
        for sentence in shown.weak:
            self.stdout.write(f"weak: {sentence}")

    def _instant(self, text: str | None) -> datetime:
        if text is None:
            return clock.now()
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise CommandError(f"--at must be an instant such as 2026-03-22T03:00Z, not {text!r}.") from None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

    def _severity(self, slug: str | None) -> Severity | None:
        if slug is None:
            return None
        found = Severity.objects.filter(slug=slug).first()
        if found is None:
            known = ", ".join(Severity.objects.order_by("rank").values_list("slug", flat=True))
            raise CommandError(f"There is no severity {slug!r}. Known: {known}.")
        return found


def _written(line: Line) -> str:
    after = times.span(line.after) if line.after else "0 min"
    why = f" ({reason(line)})" if line.why else ""
    how = f": {line.how}" if line.how else ""
    return f"{after:>10}  {line.at:%a %H:%M}  {MARKS[line.grade]}  {line.who}{why}{how}"
