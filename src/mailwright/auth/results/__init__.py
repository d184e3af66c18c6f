"""What was found out about a mail, written into its header: Authentication-Results (RFC 8601), Received-SPF (RFC 7208 §9.1)."""
