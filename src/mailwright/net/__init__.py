"""Sockets: the listeners, the guarded dialler, the outgoing connections, the live resolver."""
