import sys

from . import run

sys.exit(any(not line.ok for line in run()))
