"""DMARC (RFC 9989): which record applies to a mail, and whether the mail proves that it is from its author's domain."""
