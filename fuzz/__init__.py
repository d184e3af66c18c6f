"""Octets that nobody foresaw, for everything that reads what comes from outside: `make fuzz`, by atheris, bounded in time."""
