"""The figures of Mailwright beside its peers: `python -m bench`."""
