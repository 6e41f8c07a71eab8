"""What pytest tells besides, whatever is tested."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why each test failed that was tried again, also where it passed in the end.

    pytest shows the last failure of a test only, which may be what the first one left behind.
    """
    failures = terminalreporter.getreports("rerun")
    if not failures:
        return
    terminalreporter.section("FAILURES THAT WERE TRIED AGAIN")
    for report in failures:
        terminalreporter.write_sep("_", f"{report.when} of {report.nodeid}", red=True)
        terminalreporter.write_line(report.longreprtext)
        for name, text in report.sections:
            terminalreporter.write_sep("-", name)
            terminalreporter.write_line(text.rstrip())
