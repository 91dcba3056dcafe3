from statuspage.models.origins import Origin
from statuspage.models.page import MAIN, Component, ComponentStatus, StatusPage, new_public_id, outdate
from statuspage.models.posts import ComponentImpact, Impact, Maintenance, Post, PostUpdate
from statuspage.models.sent import SentFile
from statuspage.models.snapshots import Snapshot
from statuspage.models.subscribers import SignUp, Subscriber

__all__ = [
    "MAIN",
    "Component",
    "ComponentImpact",
    "ComponentStatus",
    "Impact",
    "Maintenance",
    "Origin",
    "Post",
    "PostUpdate",
    "SentFile",
    "SignUp",
    "Snapshot",
    "StatusPage",
    "Subscriber",
    "new_public_id",
    "outdate",
]
