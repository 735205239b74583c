"""The report of one or several runs: a page for the browser, and tables to export."""

from billp.reports.exports import write_csv, write_parquet
from billp.reports.page import Report, make_report, write_page, write_tables
from billp.reports.run_data import RunData, find_runs

__all__ = [
    "Report",
    "RunData",
    "find_runs",
    "make_report",
    "write_csv",
    "write_page",
    "write_parquet",
    "write_tables",
]
