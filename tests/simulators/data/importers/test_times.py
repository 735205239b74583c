"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billp.simulators.data.importers.times import time_form

MAY = datetime(2016, 5, 3, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("cells", "second", "words"),
    [
        (["978300760", "978302109"], 978302109, "in seconds"),
        (["1588687728923", "1588687728000"], 1588687728, "in milliseconds"),
        (["1588687728000000", "1588687728000000"], 1588687728, "in microseconds"),
        (["2016-05-01", "2016-05-03"], MAY, "as dates in ISO 8601"),
        (["2016-05-01T00:00:00Z", "2016-05-03T02:00:00+02:00"], MAY, "as dates in ISO 8601"),
        (["May 1, 2016", "May 3, 2016"], MAY, "as dates like May 31 2016"),
        (["Posted May 1, 2016.", "Posted May 3, 2016."], MAY, "as dates like May 31 2016"),
        (["05 1, 2016", "05 3, 2016"], MAY, "as dates like 05 31 2016"),
        (["13/04/2016", "03/05/2016"], MAY, "as dates like 31/05/2016"),
        (["05/13/2016", "05/03/2016"], MAY, "as dates like 05/31/2016"),
        (["01-May-2016", "03-May-2016"], MAY, "as dates like 31-May-2016"),
        (["1 May 2016", "3rd May 2016"], MAY, "as dates like 31 May 2016"),
        (["01.05.2016 10:00", "03.05.2016 00:00"], MAY, "as dates like 31.05.2016 13:45"),
        (["Tue May 03 00:00:00 +0000 2016", "Tue May 03 00:00:00 +0000 2016"], MAY,
         "as dates like Tue May 31 13:45:10 +0000 2016"),
        (["Monday, May 2, 2016", "Tuesday, May 3, 2016"], MAY, "as dates like May 31 2016"),
        (["2016-05-01 10:11:12 UTC", "2016-05-03 00:00:00 UTC"], MAY, "as dates like 2016-05-31 13:45:10"),
        (["soon", "3", ""], 3, "in seconds"),
    ],
)  # fmt: skip
def test_times_are_read_as_the_column_writes_them(cells, second, words):
    form = time_form(cells)
    assert form.words == words
    assert form.read(cells[1]) == second


@pytest.mark.parametrize("cell", ["soon", "", "31/02/2016", "2016-13-01"])
def test_what_is_no_time_is_refused(cell):
    for cells in (["978300760"] * 3, ["2016-05-01"] * 3, ["01/05/2016"] * 3):
        with pytest.raises(ValueError, match=r"."):
            time_form(cells).read(cell)
