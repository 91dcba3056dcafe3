"""Files that appear in one step."""

import os
import secrets
from pathlib import Path


def replace(path: Path, body: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, also after a power cut."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
