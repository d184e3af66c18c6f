"""SMTP as state machines over bytes: no socket inside (RFC 5321)."""
