"""Addresses and errors as many people may see them: enough to know them by, no more."""

LONGEST = 120


def masked(address: str) -> str:
    """``t.vega@…``, ``+1 ••• 0142``, or a webhook's host: its path often holds a secret."""
    name, at, _ = address.partition("@")
    if at:
        return f"{name}@…"
    if address.startswith("+"):
        return f"{address[:2]} ••• {address[-4:]}"
    return address.split("://")[-1].split("/")[0]


def first_line(text: str) -> str:
    """The first line of an error, at most 120 characters."""
    line = (text.strip().splitlines() or ["no reason was given"])[0]
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
