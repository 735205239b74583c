"""Thirty wishes that people type, and what they should move in a catalogue of films with MovieLens' categories.

They were written before any prompt was tried. Prompts are tried on the first fifteen; the others are for measuring.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

CATEGORIES = (
    "Drama", "Comedy", "Action", "Thriller", "Romance", "Adventure", "Children's", "Crime", "Sci-Fi", "Horror", "War",
    "Mystery", "Musical", "Documentary", "Animation", "Western", "Film-Noir", "Fantasy",
)  # fmt: skip
_DARK = frozenset({"Horror", "War", "Crime", "Thriller", "Film-Noir"})
_LIGHT = frozenset({"Comedy", "Animation", "Children's", "Musical", "Romance"})
Kinds = frozenset[str]


@dataclass(frozen=True)
class Asked:
    """A wish; of each set in `wants` one at least is to be wanted, of each in `refuses` one refused, none of `never`

    wanted.
    """

    words: str
    wants: tuple[Kinds, ...] = ()
    refuses: tuple[Kinds, ...] = ()
    never: Kinds = frozenset()

    def moved(self, wanted: Collection[str], refused: Collection[str]) -> bool:
        """Whether these categories are what was asked for."""
        return (
            all(kinds & {*wanted} for kinds in self.wants)
            and all(kinds & {*refused} for kinds in self.refuses)
            and not self.never & {*wanted}
            and not {*wanted} & {*refused}
            and bool(self.wants or not wanted)
        )


def _asked(words: str, wants: str = "", refuses: str = "", never: Kinds = frozenset()) -> Asked:
    """`wants` and `refuses` name sets apart by commas, with alternatives parted by bars."""
    sets = [tuple(frozenset(each.split("|")) for each in text.split(", ") if each) for text in (wants, refuses)]
    return Asked(words, sets[0], sets[1], never | {name for kinds in sets[1] for name in kinds})


THIRTY = (
    _asked("something lighter", "Comedy|Animation|Children's|Musical|Romance", never=_DARK),
    _asked("no more war films", refuses="War"),
    _asked("I want to laugh", "Comedy"),
    _asked("something for the kids", "Children's|Animation", never=_DARK),
    _asked("nothing scary please", refuses="Horror"),
    _asked("something with cowboys", "Western"),
    _asked("space ships and aliens", "Sci-Fi"),
    _asked("a true story, no fiction", "Documentary", never=frozenset({"Fantasy", "Sci-Fi", "Animation"})),
    _asked("enough romance, give me some action", "Action", "Romance"),
    _asked("gangsters and heists", "Crime"),
    _asked("a black and white detective picture", "Film-Noir|Mystery|Crime"),
    _asked("less violence", refuses="War|Action|Crime|Horror|Thriller", never=_DARK | {"Action"}),
    _asked("no cartoons", refuses="Animation"),
    _asked("a romantic comedy", "Romance, Comedy"),
    _asked("I am sad, cheer me up", "Comedy|Musical|Animation|Children's|Romance", never=_DARK | {"Drama"}),
    _asked("a love story", "Romance"),
    _asked("a whodunit", "Mystery|Crime", never=frozenset({"Musical", "Children's"})),
    _asked("something with songs and dancing", "Musical"),
    _asked("dragons and magic", "Fantasy"),
    _asked("edge of the seat stuff", "Thriller|Action|Horror|Mystery", never=_LIGHT),
    _asked("I'd like to be scared tonight", "Horror", never=_LIGHT),
    _asked("something my grandmother could watch with my children", "Children's|Animation|Comedy|Musical", never=_DARK),
    _asked("a journey to far places", "Adventure"),
    _asked("soldiers and battles", "War"),
    _asked("sci-fi but not horror", "Sci-Fi", "Horror"),
    _asked("something serious", "Drama|War|Documentary|Crime|Film-Noir", never=frozenset({"Comedy", "Children's"})),
    _asked("learn something about the real world", "Documentary"),
    _asked("explosions and car chases", "Action"),
    _asked("no more kids' stuff", refuses="Children's"),
    _asked("a spoof of old westerns", "Western|Comedy", never=frozenset({"Horror", "War", "Documentary"})),
)
