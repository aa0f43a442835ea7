"""The compiler's version (https://semver.org)."""

VERSION = "0.1.0"
