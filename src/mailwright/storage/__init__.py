"""What is kept: mail and set-up in SQL, secrets in envelopes."""
