"""The report of one or several runs: its content, and tables to export. `pages` shows it."""

from billp.reports.exports import write_csv, write_parquet
from billp.reports.report import Report, make_report, read_report, write_tables
from billp.reports.run_data import RunData, find_runs

__all__ = [
    "Report",
    "RunData",
    "find_runs",
    "make_report",
    "read_report",
    "write_csv",
    "write_parquet",
    "write_tables",
]
