"""Maps columns of the atomic files to their meaning; guesses by name what is not given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from billp.errors import DataError
from billp.validation import fault

# The names that the data sets published as RecBole atomic files use, most telling first.
_GUESSES: dict[str, tuple[str, ...]] = {
    "user": ("user_id",),
    "item": ("item_id", "product_id", "business_id"),
    "rating": ("rating", "stars"),
    "timestamp": ("timestamp",),
    "title": ("movie_title", "title", "name", "app_name", "item_name", "product_name"),
    "categories": ("class", "genre", "genres", "categories", "category", "tags"),
    "year": ("release_year", "year"),
}
_ITEM_IDS = (
    "parent_asin", "asin", "movie_id", "book_id", "game_id", "app_id", "video_id", "track_id", "song_id", "artist_id",
    "album_id", "anime_id", "recipe_id", "article_id", "news_id", "photo_id", "isbn", "gmap_id",
)  # fmt: skip
# What tables of other makes call them besides.
_MORE_GUESSES: dict[str, tuple[str, ...]] = {
    "user": (
        "user", "uid", "customer_id", "reviewer_id", "member_id", "account_id", "author_id", "steam_id", "username",
        "user_name", "reviewer", "author", "customer", "member", "player", "reader", "viewer", "listener", "client",
    ),
    "item": (*_ITEM_IDS, "item", "product", "movie", "film", "book", "game", "song", "track", "article", "sku"),
    "item_key": ("item_id", "product_id", "business_id", *_ITEM_IDS, "item", "id"),
    "rating": (
        "score", "overall", "star_rating", "rate", "review_rating", "review_score", "user_rating", "liked", "is_liked",
        "thumbs_up",
    ),
    "hours": ("hours", "play_hours", "hours_played", "playtime", "playtime_forever", "play_count", "plays"),
    "timestamp": (
        "time", "datetime", "date", "unix_review_time", "review_time", "review_date", "unix_timestamp", "created_at",
        "date_added", "date_posted", "posted", "rated_at", "reviewed_at", "ts", "when",
    ),
    "title": (
        "book_title", "track_name", "song_title", "artist_name", "product_title", "video_title", "original_title",
        "anime_title", "recipe_name", "business_name", "track", "song", "artist", "caption",
    ),
    "categories": ("genre_names", "main_category", "subjects", "topics", "topic_tag", "kinds"),
    "year": ("release_date", "year_of_publication", "publication_year", "original_publication_year", "published"),
}  # fmt: skip
_OPTIONAL = ("timestamp", "categories", "year")
_OF_ITEMS = ("title", "categories", "year")
_FLAGS = {"timestamp": "--time-col", "item_key": "--item-key-col"}


class ColumnMapping(BaseModel):
    """Field names in the atomic files, and the scale of the ratings.

    `user`, `item`, `rating`, `timestamp` and `sampled` are columns of NAME.inter; `item`, `title`, `categories` and
    `year` are columns of NAME.item. Without timestamps the order of the file's rows is taken as the order in time.
    `sampled` is 1 in rows that were drawn as negatives for an implicit log. `category_separator` separates an item's
    categories; if it is a space, only a field of type token_seq is split.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = "user_id"
    item: str = "item_id"
    rating: str = "rating"
    timestamp: str | None = None
    title: str
    categories: str | None = None
    year: str | None = None
    rating_min: float = 1.0
    rating_max: float = 5.0
    # Left out while empty, so that the fingerprint of a dataset without them does not change.
    sampled: str | None = Field(None, exclude_if=lambda value: value is None)
    category_separator: str = Field(" ", min_length=1, exclude_if=lambda value: value == " ")

    @model_validator(mode="after")
    def _scale_has_a_length(self) -> ColumnMapping:
        # Written so that a scale bound of NaN fails as well.
        if not self.rating_min < self.rating_max < float("inf") or self.rating_min == float("-inf"):
            raise ValueError("rating_min must be below rating_max, both finite")
        return self


def guess_mapping(
    name: str, log: Iterable[str], items: Iterable[str], /, **overrides: str | float | None
) -> ColumnMapping:
    """Returns a mapping guessed from the field names of NAME.inter (`log`) and NAME.item (`items`).

    `overrides` are known fields of ColumnMapping; None means "guess". Raises DataError if a needed column is neither
    given nor found, and if an override is unknown.
    """
    fields = {f"{name}.inter": list(log), f"{name}.item": list(items)}
    given = {field: value for field, value in overrides.items() if value is not None}
    chosen: dict[str, Any] = {}
    for role, guesses in _GUESSES.items():
        file = f"{name}.item" if role in _OF_ITEMS else f"{name}.inter"
        found = next((guess for guess in guesses if guess in fields[file]), None)
        if role in given or found is not None:
            chosen[role] = given.get(role, found)
        elif role not in _OPTIONAL:
            raise untold_columns(f"{file} line 1", fields[file], [role])
    try:
        return ColumnMapping(**{**given, **chosen})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "rating scale"
        raise DataError(f"Column mapping {field}{fault(first)}; correct the mapping.") from error


def column_flag(role: str) -> str:
    """Returns the flag of `billp data add` that names the column for `role`."""
    return _FLAGS.get(role, f"--{role}-col")


def untold_columns(header: str, names: Iterable[str], roles: Sequence[str], hint: str = "") -> DataError:
    """Returns the error for a table none of whose columns `names` can be taken for any of the `roles`.

    `header` says where the names stand; `hint` is appended and says what else may be done.
    """
    there = ", ".join(name for name in names if name) or "none"
    wanted = " or the ".join(role.replace("_", " ") for role in roles)
    flags = " and ".join(column_flag(role) for role in roles)
    return DataError(
        f"{header}: no column among {there} tells by its name that it holds the {wanted}; "
        f"say which {'one does' if len(roles) == 1 else 'ones do'} with {flags}{hint}."
    )


def found_column(role: str, names: Iterable[str]) -> str | None:
    """Returns the column of a table whose name fits `role` (see `ColumnSpec`) best; None if no name fits.

    Capitals, spaces, `_` and `-` in the names make no difference.
    """
    return next(iter(found_columns(role, names)), None)


def found_columns(role: str, names: Iterable[str]) -> list[str]:
    """Returns all columns whose names fit `role`, the best first."""
    plain = {_plain(name): name for name in reversed(list(names))}  # the first of equals wins
    guesses = map(_plain, _GUESSES.get(role, ()) + _MORE_GUESSES.get(role, ()))
    return [plain[guess] for guess in dict.fromkeys(guesses) if guess in plain]


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")
