"""What holds for all tests."""

import signal

# Tests send Ctrl-C to processes. A job in the background of a shell is started deaf to it, and
# what it starts would be deaf as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
