"""Start the command. ``localjuju/bin/juju`` runs this file with the checkout's own Python."""

import sys
from pathlib import Path

# A file that is run has its own directory first on the path; the checkout's root belongs there.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from localjuju.cli.app import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
