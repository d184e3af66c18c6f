"""The systems that are measured beside us: how to start, feed, count and stop each."""
