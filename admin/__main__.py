"""`python -m admin`: Ctrl-C while Python still loads ends in one line, too; the rest is admin/cli.py."""

import os
import signal
import sys

from admin import INTERRUPTED

if __name__ == "__main__":
    # Nothing is begun, so that nothing has to be undone.
    signal.signal(signal.SIGINT, lambda *_: (os.write(2, f"error: {INTERRUPTED}\n".encode()), os._exit(130)))
    from admin.cli import main_program

    sys.exit(main_program())
