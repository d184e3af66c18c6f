"""What every test shares: how many examples hypothesis tries."""

import os

from hypothesis import HealthCheck, settings

# No deadline anywhere: a slow machine is not a fault of the code.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=200, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", deadline=None, max_examples=20_000, suppress_health_check=list(HealthCheck))
settings.load_profile("ci" if os.environ.get("CI") else "default")
