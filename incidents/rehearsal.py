"""Whom an incident on a service would page, at any instant and at any severity; nothing is written.

An incident that somebody declares pages the service's on-call and an incident manager, so both are gone through.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from incidents.models import Severity
from oncall import maintenance, plans, rehearsal
from oncall.models import EscalationPolicy, PortalSettings, Service, Urgency
from oncall.rehearsal import Chain, Rehearsal


def rehearse(service: Service, *, severity: Severity | None, at: datetime) -> Rehearsal:
    """What a declared incident would set going. Without a severity it is paged loudly, as an unjudged alert is."""
    urgency = severity.urgency if severity else Urgency.HIGH
    chains = [_service(service, severity, at), _manager()]
    return rehearsal.rehearse(chains, urgency=urgency, at=at, notes=tuple(_notes(service, severity, chains)))


def policy_of(service: Service, severity: Severity | None) -> EscalationPolicy | None:
    """By which policy a service is paged while its incident is that bad."""
    return (severity.policy if severity else None) or service.policy


def _notes(service: Service, severity: Severity | None, chains: list[Chain]) -> Iterator[str]:
    """What the severity changes about the page of the service."""
    policy = policy_of(service, severity)
    if policy != service.policy:
        instead = f"of {service}’s own, “{service.policy}”" if service.policy else f"of {service}’s team"
        yield f"From when the incident is {severity}, the policy “{policy}” pages in place {instead}."
    timeout = (severity.ack_timeout if severity else None) or chains[0].plan.ack_timeout
    if timeout:
        yield f"Whoever acknowledges is asked after {_span(timeout)} whether she is still at work."


def _span(length: timedelta) -> str:
    minutes = length / timedelta(minutes=1)
    return f"{minutes / 60:g} h" if minutes >= 60 and minutes % 60 == 0 else f"{minutes:g} min"


def _service(service: Service, severity: Severity | None, at: datetime) -> Chain:
    policy = policy_of(service, severity)
    team = service.team if policy == service.policy else None
    plan, _, team = plans.begin(policy=policy, user=None, team=team, service=service)
    return Chain(plan, team, label=service.name, maintenance=maintenance.now_on(service, at))


def _manager() -> Chain:
    policy = PortalSettings.load().incident_manager_policy
    team = policy.team if policy else None
    plan, _, owner = plans.begin(policy=policy, user=None, team=team, service=None)
    return Chain(plan, owner, label="Incident manager")
