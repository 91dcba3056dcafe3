"""Pure: whether a colour can be read, by the rule of WCAG 2.2 (relative luminance, section 1.4.3).

Colours are ``#rrggbb``. Grounds are those of the page's own sheet: card and page, light and dark.
"""

import re

HEX = re.compile(r"#[0-9a-f]{6}")
READABLE = 4.5
LIGHT = ("#ffffff", "#f6f7f9")
DARK = ("#0d1117", "#151a22")
WHITE, INK = "#ffffff", "#0d1117"
STEPS = 100


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, from 1 to 21."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def worst(colour: str, grounds: tuple[str, ...]) -> float:
    """The ratio on the ground where it is read worst, cut to one decimal: 4.49 is not 4.5."""
    return int(min(contrast(colour, ground) for ground in grounds) * 10) / 10


def is_readable(colour: str, grounds: tuple[str, ...]) -> bool:
    return worst(colour, grounds) >= READABLE


def on(colour: str) -> str:
    """White or ink, whichever is read better on this colour."""
    return max((WHITE, INK), key=lambda text: contrast(text, colour))


def for_dark(colour: str) -> str:
    """The same hue mixed with as little white as makes it readable on the dark grounds."""
    for step in range(STEPS + 1):
        mixed = _mix(colour, WHITE, step / STEPS)
        if is_readable(mixed, DARK):
            return mixed
    return WHITE


def sheet(light: str, dark: str) -> str:
    """The page's own few rules of style. On paper everything is black, so only for screens."""
    return (
        f"@media screen{{:root{{--brand:{light};--on-brand:{on(light)}}}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{--brand:{dark};--on-brand:{on(dark)}}}}}\n"
    )


def _mix(colour: str, other: str, share: float) -> str:
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(colour), _channels(other), strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
