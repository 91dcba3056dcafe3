from statuspage.models.bounces import Bounce, BounceKind, Suppression
from statuspage.models.changes import ComponentChange
from statuspage.models.face import MAIN, Audience
from statuspage.models.logo import Logo
from statuspage.models.origins import Origin
from statuspage.models.page import (
    Component,
    ComponentStatus,
    Language,
    StatusPage,
    new_public_id,
    outdate,
)
from statuspage.models.planning import MaintenanceRule, PlannedPost, Template
from statuspage.models.posts import ComponentImpact, Impact, Maintenance, Post, PostUpdate
from statuspage.models.sent import SentFile
from statuspage.models.snapshots import Snapshot
from statuspage.models.subscribers import SignUp, Subscriber, SubscriberEvent
from statuspage.models.telling import ChannelMessage, ComponentNews

__all__ = [
    "MAIN",
    "Audience",
    "Bounce",
    "BounceKind",
    "ChannelMessage",
    "Component",
    "ComponentChange",
    "ComponentImpact",
    "ComponentNews",
    "ComponentStatus",
    "Impact",
    "Language",
    "Logo",
    "Maintenance",
    "MaintenanceRule",
    "PlannedPost",
    "Origin",
    "Post",
    "PostUpdate",
    "SentFile",
    "SignUp",
    "Snapshot",
    "StatusPage",
    "Subscriber",
    "SubscriberEvent",
    "Suppression",
    "Template",
    "new_public_id",
    "outdate",
]
