"""Who has which role in an incident, and the hand-over from one to the next."""

from datetime import datetime

from django.db import transaction

from incidents import rights, timeline, transitions
from incidents.models import Incident, Role, RoleAssignment
from oncall.messaging.errors import DomainError
from oncall.messaging.render import clean_header
from oncall.models import User


@transaction.atomic
def assign(
    incident: Incident, *, role: str, user: User, by: User | None, at: datetime, note: str = ""
) -> Incident:
    """Give a role to a person; whoever held it before hands it over, with a note for the next one.

    The holder may hand her own role over without the right to manage. Assigning to who holds it changes nothing.
    """
    incident = Incident.objects.select_for_update(of=("self",)).select_related("severity").get(pk=incident.pk)
    held = current(incident).get(role)
    if held is None or by is None or held.user_id != by.pk:
        rights.require(by, transitions.verb("assign_role"), incident)
    if incident.state in transitions.ENDED:
        raise DomainError("not_open", f"{incident.key} is {incident.get_state_display().lower()}.")
    take(incident, role=role, user=user, by=by, at=at, note=note)
    return incident


def take(
    incident: Incident, *, role: str, user: User, by: User | None, at: datetime, note: str = ""
) -> RoleAssignment:
    """Make ``user`` the holder in a locked incident. For verbs and receivers, which check rights."""
    if role not in Role.values:
        raise DomainError("role_unknown", f"A role is one of: {', '.join(Role.values)}.")
    if not user.is_active:
        raise DomainError("person_inactive", f"{user} has no active account: choose somebody else.")
    held = current(incident).get(role)
    if held and held.user_id == user.pk:
        return held
    if held:
        held.until = at
        held.save(update_fields=["until"])
    note = clean_header(note, limit=500)
    assignment = RoleAssignment.objects.create(
        incident=incident, role=role, user=user, since=at, assigned_by=by, note=note
    )
    text = f"{user} is {Role(role).label.lower()}" + (f", taking over from {held.user}" if held else "")
    data = {"role": role, "user": user.username, "before": held.user.username if held else None}
    timeline.add(
        incident,
        kind=timeline.Kind.ROLE,
        text=f"{text}: {note}" if note else text,
        by=by,
        at=at,
        data=data,
    )
    return assignment


def current(incident: Incident) -> dict[str, RoleAssignment]:
    """Role to whoever holds it now."""
    return {row.role: row for row in incident.roles.filter(until__isnull=True).select_related("user")}


def manager(incident: Incident) -> User | None:
    """The incident manager, if there is one."""
    row = current(incident).get(Role.MANAGER)
    return row.user if row else None


def missing(incident: Incident) -> list[Role]:
    """Roles that the severity requires and nobody holds."""
    if incident.severity is None or not incident.is_open:
        return []
    held = current(incident)
    required = [Role(role) for role in incident.severity.required_roles if role in Role.values]
    return [role for role in required if role not in held]


def doubled(incident: Incident) -> list[User]:
    """People who hold more than one role; allowed in a small house, but worth a warning."""
    holders = [row.user for row in current(incident).values()]
    return sorted({user for user in holders if holders.count(user) > 1}, key=str)
