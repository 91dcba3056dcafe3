"""Who may do what to an incident: by a right in the whole portal, or by a part in this one."""

from incidents.models import Incident, Role
from incidents.transitions import Verb
from oncall.messaging.errors import DomainError
from oncall.models import User

# What holding a role in one incident allows there, without any right elsewhere (field/incidents.md CLA-2, ROL-7).
BY_ROLE = {
    Role.MANAGER: {"respond_incident", "manage_incident", "communicate_incident", "review_incident"},
    Role.COMMUNICATIONS: {"respond_incident", "communicate_incident"},
    Role.CUSTOMER: {"respond_incident"},
    Role.SCRIBE: {"respond_incident"},
}
IN_WORDS = {
    "respond_incident": "respond to incidents",
    "manage_incident": "manage incidents",
    "communicate_incident": "send updates",
    "review_incident": "review incidents",
}


def may(user: User | None, row: Verb, incident: Incident | None = None) -> bool:
    """Whether ``user`` may use the verb; None is the machine, which may."""
    if user is None:
        return True
    if not user.is_active or (incident and not sees(user, incident)):
        return False
    if not row.rights or any(user.has_perm(f"incidents.{right}") for right in row.rights):
        return True
    return bool(incident) and not _by_part(user, incident).isdisjoint(row.rights)


def require(user: User | None, row: Verb, incident: Incident | None = None) -> None:
    """Refuse with code ``forbidden`` what ``may`` does not allow."""
    if not may(user, row, incident):
        right = IN_WORDS[row.rights[0]] if row.rights else "use the portal"
        raise DomainError(
            "forbidden",
            f"You may not do “{row.label}” here: it needs the right to {right}. "
            "Ask the incident manager, or an administrator for the right.",
        )


def sees(user: User, incident: Incident) -> bool:
    """Whether the incident shows up for this person at all."""
    return not incident.private or Incident.objects.visible_to(user).filter(pk=incident.pk).exists()


def _by_part(user: User, incident: Incident) -> set[str]:
    """The rights that a role in this incident gives, or having been called in."""
    roles = incident.roles.filter(user=user, until__isnull=True).values_list("role", flat=True)
    rights = set().union(*(BY_ROLE.get(role, set()) for role in roles))
    if incident.engagements.filter(user=user).exists():
        rights.add("respond_incident")
    return rights
