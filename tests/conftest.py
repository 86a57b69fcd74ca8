"""What holds for all tests."""

import signal

from hypothesis import HealthCheck, settings

# Tests send Ctrl-C to processes. A job in the background of a shell is started deaf to it, and
# what it starts would be deaf as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes on a machine with other work is nothing a test may fail for.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
