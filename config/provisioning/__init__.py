"""A whole set-up from one file: ``plan`` shows the difference to the database, ``apply`` makes it.

All or nothing, and idempotent: applying again changes nothing. The file's form is contract.md section 5.
``export`` is the way back: the database as such a document, which ``write`` turns into text.
"""

from config.provisioning.applying import Change, apply, plan, rehearse
from config.provisioning.exporting import export
from config.provisioning.reading import ProvisioningError, read
from config.provisioning.writing import write

__all__ = ["Change", "ProvisioningError", "apply", "export", "plan", "read", "rehearse", "write"]
