"""The exit statuses of the command, which are the same for all of its parts; 0 is good."""

from __future__ import annotations

EXIT_ERRORS = 1
"""The input has errors."""

EXIT_FAULT = 2
"""Wrong usage, or a fault of the surroundings."""
