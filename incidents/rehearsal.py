"""Whom an incident on a service would page, at any instant and at any severity; nothing is written.

An incident that somebody declares pages the service's on-call and an incident manager, so both are gone through.
"""

from datetime import datetime

from incidents.models import Severity
from oncall import maintenance, plans, rehearsal
from oncall.models import PortalSettings, Service, Urgency
from oncall.rehearsal import Chain, Rehearsal


def rehearse(service: Service, *, severity: Severity | None, at: datetime) -> Rehearsal:
    """What a declared incident would set going. Without a severity it is paged loudly, as an unjudged alert is."""
    urgency = severity.urgency if severity else Urgency.HIGH
    return rehearsal.rehearse([_service(service, at), _manager()], urgency=urgency, at=at)


def _service(service: Service, at: datetime) -> Chain:
    plan, _, team = plans.begin(policy=service.policy, user=None, team=service.team, service=service)
    return Chain(plan, team, label=service.name, maintenance=maintenance.now_on(service, at))


def _manager() -> Chain:
    policy = PortalSettings.load().incident_manager_policy
    team = policy.team if policy else None
    plan, _, owner = plans.begin(policy=policy, user=None, team=team, service=None)
    return Chain(plan, owner, label="Incident manager")
