"""Mailwright: the mail layer that a business application runs beside itself."""

__version__ = "0.1.0"
