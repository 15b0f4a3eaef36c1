"""Outreach: a network member invites its municipalities, in their language, and learns who answered."""

__version__ = "0.1.0"
