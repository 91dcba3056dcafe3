"""``manage.py check_ready``: would a page reach somebody, now and in the coming thirty days?"""

import json
from textwrap import wrap

from django.core.management.base import BaseCommand, CommandError

from oncall import clock, readiness
from oncall.edges import readiness_words as words
from oncall.readiness import AMBER, GREEN, RED, Finding, Report

STYLES = {RED: "ERROR", AMBER: "WARNING", GREEN: "SUCCESS"}
MARGIN, WIDTH = 7, 100


class Command(BaseCommand):
    """Red, amber and green lines with what to do; exit 1 if anything is red."""

    help = "Checks contacts, gaps and policies for the next 30 days. Exit 1 if a page would not arrive."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead")

    def handle(self, *args, **options) -> None:
        report = readiness.check(clock.now())
        if options["json"]:
            self.stdout.write(json.dumps(words.as_json(report), indent=2, ensure_ascii=False))
        else:
            self._tell(report)
        if report.is_red:
            raise CommandError(f"{words.headline(report)}.", returncode=1)

    def _tell(self, report: Report) -> None:
        for finding in report.findings:
            tone = getattr(self.style, STYLES[finding.tone])(f"{finding.tone.upper():<{MARGIN}}")
            first, *rest = _lines(finding)
            self.stdout.write(f"{tone}{first}")
            for line in rest:
                self.stdout.write(" " * MARGIN + line)
        counts = ", ".join(f"{len(report.of(tone))} {tone}" for tone in (RED, AMBER, GREEN))
        self.stdout.write(f"{counts}, until {report.until:%d %B %Y}.")


def _lines(finding: Finding) -> list[str]:
    what = "" if finding.tone == GREEN else f"{words.TITLES[finding.kind]} "
    lines = wrap(f"{what}{finding.about}: {finding.text}", WIDTH)
    if finding.spans:
        lines += wrap(words.when(finding), WIDTH, initial_indent="When: ", subsequent_indent="      ")
    if finding.todo:
        lines += wrap(finding.todo, WIDTH, initial_indent="Do:   ", subsequent_indent="      ")
    return lines
