"""Section ``severities``: how bad an incident can be, and what that asks of the people who respond."""

from datetime import timedelta
from typing import Any

from config.provisioning.reading import Item
from config.provisioning.run import Run
from incidents.models import Role, Severity
from oncall.models import EscalationPolicy, Urgency

LENGTHS = ("first_update_after", "update_every", "review_within", "action_due_within")
FLAGS = ("all_clear_required", "review_required")
LONGEST_TEXT = 2_000


def severity(run: Run, item: Item) -> None:
    """A level; what the file leaves out stays as it is, or has its default where the level is new.

    ``policy`` pages in place of the services' own; ``ack_timeout`` holds in place of the policies'. null: neither.
    """
    slug = item.slug()
    what = f"severity {slug}"
    known = Severity.objects.filter(slug=slug).first()
    if known is None and "rank" not in item.value:
        raise item.fault(f"{what} needs 'rank': 1 is the worst.")
    now = known or Severity(slug=slug, name=slug, rank=0)
    rank = item.whole("rank", now.rank, most=32_767)
    same = Severity.objects.filter(rank=rank).exclude(slug=slug).first()
    if same:
        raise item.fault(f"Severity {same.slug} has rank {rank} already.", "rank")
    values = {
        "name": item.text("name", now.name, most=40),
        "rank": rank,
        "description": item.text("description", now.description or now.name, most=LONGEST_TEXT),
        "urgency": item.choice("urgency", now.urgency, Urgency.values),
        "required_roles": _roles(item, now.required_roles),
        **{name: item.flag(name, getattr(now, name)) for name in FLAGS},
        **{name: _length(item, name, getattr(now, name)) for name in LENGTHS},
        **_paging(run, item, now),
    }
    item.done()
    run.write(item, Severity, {"slug": slug}, values, what=what)


def _paging(run: Run, item: Item, now: Severity) -> dict[str, Any]:
    """What changes for pages."""
    values: dict[str, Any] = {"policy": now.policy, "ack_timeout": now.ack_timeout}
    if "policy" in item.value:
        name = item.name("policy")
        line = item.value.lines["policy"]
        values["policy"] = run.find(EscalationPolicy, name, line=line, what="policy") if name else None
    if "ack_timeout" in item.value:
        values["ack_timeout"] = item.duration("ack_timeout")
        if values["ack_timeout"] == timedelta(0):
            raise item.fault(
                "'ack_timeout' must be longer than nothing; null: as the policy says.", "ack_timeout"
            )
    return values


def _length(item: Item, key: str, now: timedelta) -> timedelta:
    return item.duration(key) or now


def _roles(item: Item, now: list[str]) -> list[str]:
    if "required_roles" not in item.value:
        return now
    found = item.names("required_roles")
    for name, _ in found:
        if name not in Role.values:
            raise item.fault(f"{name!r} is no role. Roles: {', '.join(Role.values)}.", "required_roles")
    return [name for name, _ in found]
