"""SPF (RFC 7208): one record tree, from which mail is judged, lookups are counted and records are explained."""
