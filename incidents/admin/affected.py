"""The affected services on an incident's page: how badly, who has answered, whether it is clear."""

from dataclasses import dataclass
from datetime import datetime

from incidents import roll_call
from incidents.models import AffectedService, Impact, Incident
from incidents.roll_call import Called
from oncall import partly
from oncall.edges import times
from oncall.models import Page


@dataclass(frozen=True)
class ServiceRow:
    """One affected service: how badly, whether its people have answered, whether it is clear."""

    affected: AffectedService
    level: str
    words: str
    late: bool


def services(incident: Incident, now: datetime) -> list[ServiceRow]:
    """Every affected service with its latest impact and the answer of whoever was called in for it."""
    levels = {row.service_id: row for row in incident.impacts.order_by("start")}
    called: dict[int | None, list[Called]] = {}
    for call in roll_call.of(incident):
        called.setdefault(call.engagement.service_id, []).append(call)
    rows = incident.affected_services.select_related("service", "all_clear_by")
    return [_service_row(row, levels.get(row.service_id), called.get(row.service_id, []), now) for row in rows]


def _service_row(row: AffectedService, impact: Impact | None, calls: list[Called], now: datetime) -> ServiceRow:
    if row.all_clear_at:
        level = "Healthy again"
    elif impact is None:
        level = "Not known yet"
    else:
        level = impact.get_level_display() if impact.end is None else "Impact over"
    words, late = _answer(calls, now)
    return ServiceRow(row, level, words, late and not row.all_clear_at)


def _answer(calls: list[Called], now: datetime) -> tuple[str, bool]:
    """``Dana Ruiz: answered in 2 min``; nobody yet is late, and in red. Pages that are over do not count."""
    if not calls:
        return "Nobody called in", False
    open_ = [call for call in calls if call.state != Page.State.RESOLVED] or calls[-1:]
    waiting = [call for call in open_ if call.state in Page.WAITING]
    said = _answered_in_part(open_, waiting)
    return (said, True) if said else _one_answer(waiting[-1] if waiting else open_[-1], now)


def _answered_in_part(calls: list[Called], waiting: list[Called]) -> str:
    """``Dana Ruiz answered · Lee Park has not``; empty where nobody has, or everybody."""
    answered = [call.answered_by for call in calls if call.answered_by and call.answered_at]
    answered += [user for call in waiting for user in call.answers.answered]
    awaited = [user for call in waiting for user in call.answers.awaited or call.answers.reached]
    return partly.words(answered, [user for user in awaited if user not in answered]) if waiting else ""


def _one_answer(call: Called, now: datetime) -> tuple[str, bool]:
    began = call.engagement.at
    if call.answered_by and call.answered_at:
        return f"{call.answered_by}: answered in {times.span(call.answered_at - began)}", False
    if call.state == Page.State.EXHAUSTED and not call.paged_anybody:
        return "Not paged: nobody could be reached", True
    if call.state == Page.State.HELD:
        return "Held: nobody is paged yet", True
    if call.state in {Page.State.ACTIVE, Page.State.EXHAUSTED}:
        return f"No answer for {times.span(now - began)}", True
    return "Page over" if call.state else "", False
