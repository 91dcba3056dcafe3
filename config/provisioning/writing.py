"""A set-up as YAML that people read and review: stable order, short things on one line, no aliases."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key; the library would put them at its own column."""
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write what occurs twice twice: nobody reads ``*id001``."""
        return True


def write(document: dict[str, Any], *, heading: str) -> str:
    """The provisioning file that says ``document``, with ``heading`` as a comment above; empty sections go."""
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    sections = [
        yaml.dump(
            {name: section},
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=None,
            width=110,
        )
        for name, section in document.items()
        if section
    ]
    return "\n".join([comment, *sections] if sections else [comment, "{}\n"])
