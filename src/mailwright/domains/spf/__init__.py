"""The SPF doctor: what is published and what is wrong with it, the record that mends it, and who would pass then."""
