"""Addresses and errors as many people may see them: enough to know them by, no more."""

LONGEST = 120


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
