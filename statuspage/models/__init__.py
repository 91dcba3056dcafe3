from statuspage.models.page import (
    MAIN,
    Component,
    ComponentStatus,
    Language,
    StatusPage,
    new_public_id,
    outdate,
)
from statuspage.models.posts import ComponentImpact, Impact, Maintenance, Post, PostUpdate
from statuspage.models.snapshots import Snapshot
from statuspage.models.subscribers import SignUp, Subscriber

__all__ = [
    "MAIN",
    "Component",
    "ComponentImpact",
    "ComponentStatus",
    "Impact",
    "Language",
    "Maintenance",
    "Post",
    "PostUpdate",
    "SignUp",
    "Snapshot",
    "StatusPage",
    "Subscriber",
    "new_public_id",
    "outdate",
]
