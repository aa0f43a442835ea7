"""What holds for the whole test run: a skipped test proves nothing, so a run with a skip has failed.

Property tests try the same examples in every run, so that a change is what makes a test fail.  To look for new ones:
`pytest --hypothesis-profile=search`.
"""

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("search", derandomize=False, deadline=None, max_examples=2_000)
settings.load_profile("repeatable")


def _skipped(config: pytest.Config) -> int:
    # Only the process that the user started has a reporter; under xdist it sees all workers' reports.
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if skipped := _skipped(config):
        terminalreporter.line(f"{skipped} skipped: a skip counts as a failure", red=True, bold=True)
