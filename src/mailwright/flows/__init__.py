"""The flows: one page each, named steps in order."""
