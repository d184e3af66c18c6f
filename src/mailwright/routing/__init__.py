"""Which way a mail leaves: transports, sites, mail hosts, return paths."""
