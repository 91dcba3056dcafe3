"""Northwind Pay, an invented firm, so that a newcomer sees within a minute what the portal is for."""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from config import provisioning
from config.demo import story
from oncall.messaging.errors import DomainError
from oncall.models import User

COMPANY = Path(__file__).with_name("company.yaml")
LOGIN = ("alice", "muster-demo")


@transaction.atomic
def load(*, at: datetime) -> None:
    """Load the demo company. Raises DomainError when the database holds anybody already."""
    if User.objects.exists():
        raise DomainError(
            "not_empty",
            "There are people in this database already. The demo needs an empty one: set DATA_DIR.",
        )
    provisioning.apply(provisioning.read(COMPANY), by=None, at=at)
    alice = User.objects.get(username=LOGIN[0])
    alice.set_password(LOGIN[1])
    alice.is_superuser = alice.is_staff = True
    alice.save()
    story.tell(at=at)
