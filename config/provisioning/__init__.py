"""A whole set-up from one file: ``plan`` shows the difference to the database, ``apply`` makes it.

All or nothing, and idempotent: applying again changes nothing. The file's form is contract.md section 5.
"""

from config.provisioning.applying import Change, apply, plan
from config.provisioning.reading import ProvisioningError, read

__all__ = ["Change", "ProvisioningError", "apply", "plan", "read"]
