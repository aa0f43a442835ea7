"""The exit statuses of the command, which are the same for all of its parts; 0 is good."""

from __future__ import annotations

EXIT_ERRORS = 1
"""The input has errors."""

EXIT_FAULT = 2
"""Wrong usage, or a fault of the surroundings."""

EXIT_DIFFERENT = 1
"""Nothing is wrong, but what was compared differs."""

EXIT_SIGNAL = 128
"""And the number of the signal that ended it."""
