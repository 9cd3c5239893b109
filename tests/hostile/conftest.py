"""Says at the end of a run how many hostile folders were tried."""

from tried import TRIED


def pytest_terminal_summary(terminalreporter):
    if TRIED:
        refused = sum(number for (_, outcome), number in TRIED.items() if outcome == "refused")
        kinds = len({kind for kind, _ in TRIED})
        terminalreporter.write_line(
            f"hostile folders: {TRIED.total()} of {kinds} kinds tried, {refused} refused, "
            f"{TRIED.total() - refused} loaded"
        )
