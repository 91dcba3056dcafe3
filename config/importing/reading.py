"""From files to documents: JSON that an operator saved, one answer or several behind each other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.importing.entries import Document, ImportFault

LARGEST = 50 * 1024 * 1024
BLANK = " \t\r\n\ufeff"


def documents(paths: list[Path]) -> list[Document]:
    """Every file named, and every ``.json`` file of every folder named. ImportFault where one is no JSON."""
    return [document for path in files(paths) for document in read(path)]


def files(paths: list[Path]) -> list[Path]:
    found = []
    for path in paths:
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not inside:
            raise ImportFault(f"{path}: The folder holds no .json file.")
        found += inside
    return found


def read(path: Path) -> list[Document]:
    """The answers in one file; pages of a list may stand behind each other, as ``cat`` leaves them."""
    try:
        if path.stat().st_size > LARGEST:
            raise ImportFault(f"{path}: The file is larger than 50 MB.")
        text = path.read_bytes().decode("utf-8")
        return [Document(path.name, content) for content in _answers(text)]
    except OSError as error:
        raise ImportFault(f"{path}: The file cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise ImportFault(f"{path}: This is not JSON as an API returns it.") from None


def _answers(text: str) -> Iterator[Any]:
    decoder, text = json.JSONDecoder(), text.strip(BLANK)
    place = 0
    while True:
        content, place = decoder.raw_decode(text, place)
        yield content
        while place < len(text) and text[place] in BLANK:
            place += 1
        if place >= len(text):
            return
