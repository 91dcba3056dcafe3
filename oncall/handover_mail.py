"""The mail of a hand-over: what the people before wrote, and which pages stand open."""

from datetime import datetime

from oncall import letters, messages, partly, standing_pages
from oncall.models import HandOverNote, Page, User

State = Page.State
MOST_LISTED = 20


def send(
    note: HandOverNote,
    user: User,
    goes_off: list[User],
    found: dict[str, list[Page]],
    hand_over_at: datetime,
    *,
    at: datetime,
) -> bool:
    """Write to one of those who come on; False where nothing is for her eyes, or she has it already.

    Private pages stand in the mails of those alone who may see them. Its topic is private, since its text would
    tell others who may read the outbox what it is about.
    """
    found = standing_pages.seen_by(found, user)
    if not (found or note.text):
        return False
    return letters.write(
        user,
        subject=f"Hand-over: {note.schedule}" + (f", from {_together(goes_off)}" if goes_off else ""),
        text=_text(note, user, found, at),
        path=f"/admin/oncall/handovernote/{note.pk}/change/",
        key=f"handover:{note.schedule_id}:{hand_over_at:%Y%m%dT%H%M%S}:{user.pk}",
        topic=f"private:handover:{note.pk}",
        at=at,
    )


def says(page: Page, user: User, at: datetime) -> str:
    """How a page stands: ``nobody has answered since Mon 9 Mar 08:10``, or who of several has not."""
    if page.state == State.SNOOZED and page.next_step_at:
        return f"quiet until {letters.moment(page.next_step_at, user)}"
    if page.state == State.ACKNOWLEDGED and page.acknowledged_at:
        who = page.acknowledged_by or "somebody"
        return f"acknowledged by {who}, {letters.moment(page.acknowledged_at, user)}"
    said = partly.in_part(page).words or "nobody has answered"
    return f"{said} since {letters.moment(page.created_at, user)}"


def _text(note: HandOverNote, user: User, found: dict[str, list[Page]], at: datetime) -> str:
    parts = [f"You are on call on {note.schedule} now."]
    if note.text:
        parts.append(f"{note.written_by or 'The person before'} writes:\n\n{note.text}")
    for key, pages in found.items():
        lines = [_line(page, user, at) for page in pages[:MOST_LISTED]]
        if len(pages) > MOST_LISTED:
            lines.append(f"- and {len(pages) - MOST_LISTED} more")
        parts.append("\n".join([f"{standing_pages.HEADINGS[key]} ({len(pages)}):", *lines]))
    return "\n\n".join(parts)


def _line(page: Page, user: User, at: datetime) -> str:
    link = messages.portal_url(page.url or f"/admin/oncall/page/{page.pk}/change/")
    return f"- {page}: {says(page, user, at)}\n  {link}"


def _together(users: list[User]) -> str:
    names = [str(user) for user in users]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
