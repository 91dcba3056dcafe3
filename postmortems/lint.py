"""Blameless language: words that look for a culprit where a cause is wanted. It warns and never blocks."""

import re
from dataclasses import dataclass

# Source: the practice of blameless reviews, field/incidents.md REV-3. Each pattern with what to ask instead.
PATTERNS = [
    (r"\b(?:careless|negligent|incompetent|lazy|stupid|sloppy)\w*", "Describe what made it likely."),
    (r"\bhuman error\b", "Ask what let one slip go through to users."),
    (r"\b(?:should|could|ought to) have\b", "Say what was known at the time, not what is known now."),
    (r"\b(?:fault|blame|culprit)\b", "Name the condition, not whose it was."),
    (r"\bfailed to\b", "Say what happened, and what would have made the other thing easy."),
    (r"\bobvious(?:ly)?\b", "If it was obvious, why did nobody see it?"),
]
COMPILED = [(re.compile(pattern, re.IGNORECASE), advice) for pattern, advice in PATTERNS]


@dataclass(frozen=True)
class Finding:
    """A word that blames: where it stands (line from 1), what it is, what to write instead."""

    line: int
    word: str
    advice: str


def check(text: str) -> list[Finding]:
    """Every blaming word of a Markdown text, in order."""
    return [
        Finding(number, match[0], advice)
        for number, line in enumerate(text.splitlines(), start=1)
        for pattern, advice in COMPILED
        for match in pattern.finditer(line)
    ]
