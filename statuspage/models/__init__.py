from statuspage.models.bounces import Bounce, BounceKind, Suppression
from statuspage.models.page import MAIN, Component, ComponentStatus, StatusPage, new_public_id, outdate
from statuspage.models.posts import ComponentImpact, Impact, Maintenance, Post, PostUpdate
from statuspage.models.snapshots import Snapshot
from statuspage.models.subscribers import SignUp, Subscriber, SubscriberEvent
from statuspage.models.telling import ChannelMessage, ComponentChange

__all__ = [
    "MAIN",
    "Bounce",
    "BounceKind",
    "ChannelMessage",
    "Component",
    "ComponentChange",
    "ComponentImpact",
    "ComponentStatus",
    "Impact",
    "Maintenance",
    "Post",
    "PostUpdate",
    "SignUp",
    "Snapshot",
    "StatusPage",
    "Subscriber",
    "SubscriberEvent",
    "Suppression",
    "new_public_id",
    "outdate",
]
