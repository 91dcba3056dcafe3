"""Addresses and errors as many people may see them: enough to know them by, no more."""

from oncall.models import User

LONGEST = 120
#: Mediums on which whoever knows an address can read what goes there, or write as if it came from us.
SECRET = {"webhook", "teams", "ntfy", "apprise", "hook", "slack_hook", "teams_hook"}


def shown_to(viewer: User, *, medium: str, address: str, owner: str) -> str:
    """An address as this person may see it; a secret one is whole to its owner and who may change contacts."""
    if (
        medium not in SECRET
        or viewer.get_username() == owner
        or viewer.has_perm("oncall.change_contactmethod")
    ):
        return address
    return masked(address) if "://" in address else f"{address[:3]}…"


def masked(address: str) -> str:
    """``t.vega@…``, ``+1 ••• 0142``, or a webhook's host: its path often holds a secret."""
    scheme, is_url, rest = address.partition("://")
    if is_url:  # of an Apprise URL any part may be a secret, the host among them
        return rest.partition("/")[0].rpartition("@")[2] if scheme in {"http", "https"} else f"{scheme}://…"
    name, at, _ = address.partition("@")
    if at and name:
        return f"{name}@…"
    if address.startswith("+"):
        return f"{address[:2]} ••• {address[-4:]}"
    return address


def first_line(text: str) -> str:
    """The first line of an error, at most 120 characters."""
    line = (text.strip().splitlines() or ["no reason was given"])[0]
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
