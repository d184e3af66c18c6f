"""Replies and stories in plain words, and the report that goes back to the submitter."""
