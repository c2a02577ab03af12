"""What holds for the whole run.

A shell starts what it puts in the background deaf to Ctrl-C, and its children inherit that; tests that send
SIGINT would wait for ever then.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
