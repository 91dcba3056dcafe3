"""What was looked at and how it stands, as plain values that command, page and API put into words."""

from dataclasses import dataclass
from datetime import datetime

from oncall.readiness.spans import Span

RED, AMBER, GREEN = "red", "amber", "green"
TONES = (RED, AMBER, GREEN)


@dataclass(frozen=True)
class Finding:
    """One line: ``about`` what (its name, its key), how it stands, what to do, where.

    Red: a page would reach nobody, or not as it should. Amber: look at it. Green: in order. ``spans`` are when, on
    the clock of ``zone``; ``kind`` is what was looked at: contacts, inactive, gaps, policies, steps, calendars,
    services, catch_all or mail.
    """

    tone: str
    kind: str
    about: str
    text: str
    todo: str = ""
    key: str = ""
    path: str = ""
    spans: tuple[Span, ...] = ()
    zone: str = "UTC"

    @property
    def rank(self) -> tuple:
        """Red first; what happens sooner before what happens later."""
        start = self.spans[0][0].timestamp() if self.spans else 0.0
        return TONES.index(self.tone), self.kind != "policies", self.kind, start, self.about.lower()


@dataclass(frozen=True)
class Report:
    """The findings for ``at`` to ``until``, the worst first."""

    at: datetime
    until: datetime
    findings: tuple[Finding, ...]

    def of(self, tone: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.tone == tone]

    @property
    def is_red(self) -> bool:
        return bool(self.of(RED))
