"""What every test shares: how many examples hypothesis tries."""

import os

from hypothesis import HealthCheck, settings

# No deadline anywhere: a slow machine is not a fault of the code.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=200, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2000"))  # for each test of `make fuzz`: some minutes in all
settings.register_profile("fuzz", deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
settings.load_profile("ci" if os.environ.get("CI") else "default")
