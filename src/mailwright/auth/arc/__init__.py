"""ARC (RFC 8617): what servers on the way say of a mail, and whether that chain holds. Verified, never made."""
