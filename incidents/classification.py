"""A suggested severity from numbers, with the rule that says so. A person decides.

The rules of field/incidents.md section 4, "Shipped severity policy", first match from the top. A workflow counts
as important when a service that carries it is marked critical.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from incidents.models import Impact, Incident, Severity

MOST = Decimal("0.5")
SOME = Decimal("0.05")
LONG = timedelta(minutes=30)


@dataclass(frozen=True)
class Facts:
    """What is known: the share of users hurt (0 to 1), for how long, and how far it reaches."""

    critical: bool = False
    unavailable: bool = False
    share: Decimal | None = None
    lasting: timedelta = timedelta()
    regions: int = 0
    brand: bool = False


@dataclass(frozen=True)
class Suggestion:
    """A level, counted from the worst, and the rule that led to it."""

    level: int
    rule: str


def suggest(facts: Facts) -> Suggestion | None:
    """The level that the first matching rule names; None while too little is known to say.

    A full outage for most users counts as Major after thirty minutes; until then it is Medium.
    """
    most = facts.share is not None and facts.share >= MOST
    some = facts.share is not None and facts.share >= SOME
    if facts.brand:
        return Suggestion(1, "Revenue or the brand is at stake.")
    if facts.critical and facts.unavailable and most and facts.lasting >= LONG:
        return Suggestion(
            1, "A critical service is unavailable to half of the users or more, for 30 minutes."
        )
    if facts.critical and facts.regions >= 3:
        return Suggestion(1, "An important workflow is lost in three regions or more.")
    if facts.critical and facts.regions >= 1:
        return Suggestion(2, "An important workflow is lost in a whole region.")
    if facts.critical and some:
        return Suggestion(2, "5 % of the users or more are hurt on an important workflow.")
    if facts.share is not None and not some:
        return Suggestion(3, "Less than 5 % of the users are hurt.")
    if not facts.critical and (facts.share is not None or facts.regions):
        return Suggestion(3, "Only a workflow that is not critical is hurt.")
    return None


def known(incident: Incident, *, at: datetime) -> Facts:
    """What the incident's own fields and impacts say at ``at``."""
    impacts = list(incident.impacts.select_related("service"))
    shares = [row.share for row in impacts if row.share is not None]
    began = incident.impact_started_at or incident.detected_at or at
    return Facts(
        critical=incident.services.filter(critical=True).exists(),
        unavailable=any(row.level == Impact.Level.FULL for row in impacts),
        share=incident.users_share if incident.users_share is not None else max(shares, default=None),
        lasting=(incident.mitigated_at or at) - began,
        regions=incident.regions_lost,
        brand=incident.brand_at_stake,
    )


def suggested(incident: Incident, *, at: datetime) -> tuple[Severity | None, str]:
    """The severity that the rules suggest for the incident, and the rule's text; (None, "") when none does."""
    suggestion = suggest(known(incident, at=at))
    if suggestion is None:
        return None, ""
    levels = list(Severity.objects.order_by("rank"))
    if not levels:
        return None, ""
    return levels[min(suggestion.level, len(levels)) - 1], suggestion.rule
