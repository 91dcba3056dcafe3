"""Mail to the people who write for the page."""

from datetime import datetime

from oncall.messaging import outbox
from oncall.messaging.render import clean_header
from oncall.models import User


def mail(user: User, *, subject: str, lines: list[str], topic: str, key: str, at: datetime) -> bool:
    """One mail to a person of ours, at her first verified address, else that of her account; once for each key."""
    verified = user.contacts.filter(medium="email", verified_at__isnull=False).order_by("pk").first()
    address = verified.address if verified else user.email
    if not user.is_active or not address:
        return False
    message = outbox.compose(
        purpose="reminder", subject=clean_header(subject), text="\n".join(lines) + "\n", at=at
    )
    sent = outbox.send(
        message, medium="email", address=address, recipient=user.username, topic=topic, key=key, at=at
    )
    return sent is not None
