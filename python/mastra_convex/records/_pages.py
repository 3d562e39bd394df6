"""Pages of lists, and the arguments that request them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Literal, TypedDict, TypeVar, get_args, get_type_hints

from mastra_convex import _html
from mastra_convex._arguments import as_integer, plain, plain_keys, true_or_false
from mastra_convex._frames import Frame, Series
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._lists import series_of
from mastra_convex.records._record import Record
from mastra_convex.records._values import date_text

Item = TypeVar("Item", bound=Record, covariant=True)

# JavaScript's largest exact integer. The offset of a page beyond it isn't a number that JavaScript can hold.
MOST_ROWS = 2**53 - 1


class Page(Frame, Generic[Item]):
    """One page of a list. Iterating gives the items; the page's first field holds them too."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]
    total: int
    page: int
    per_page: int | None
    has_more: bool

    def __iter__(self) -> Iterator[Item]:
        items: list[Item] = getattr(self, fields(self)[0].name)
        return iter(items)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _series(self) -> list[Series]:
        [kind] = get_args(get_type_hints(type(self))[fields(self)[0].name])
        return series_of(kind, self)

    def _repr_html_(self) -> str:
        records = list(self)
        return _html.page(records, records[0]._TABLE if records else (), self.page, self.total)


@public
class OrderBy(TypedDict, total=False):
    """The order of a list: by default ``created_at``, in the direction that the list's method states."""

    field: Literal["created_at", "updated_at"]
    direction: Literal["ASC", "DESC"]


class Pagination(TypedDict, total=False):
    """The requested page: ``page`` from 0 on, and ``per_page``, None for all."""

    page: int
    per_page: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """The requested part of a list: `per_page` items from `offset` on, or all. It is reported as page `page`."""

    page: int
    per_page: int | None
    offset: int

    def has_more(self, total: int) -> bool:
        """Whether a list of `total` items continues after the page."""
        return self.per_page is not None and self.offset + self.per_page < total


def window(place: str, page: int, per_page: int | None) -> Window:
    """The part of a list at page `page`, counted from 0. A `per_page` of None means all."""
    page = as_integer(f"{place}: page", page, 0, MOST_ROWS)
    if per_page is None:
        if page:
            raise InvalidArgumentError(f"{place}: page {page}; expected 0, because per_page None asks for all rows")
        return Window(0, None, 0)
    per_page = as_integer(f"{place}: per_page", per_page, 0, MOST_ROWS)
    if page * per_page > MOST_ROWS:
        raise InvalidArgumentError(f"{place}: page {page} of {per_page} begins beyond {MOST_ROWS}")
    return Window(page, per_page, page * per_page)


def paginated(place: str, pagination: Mapping[str, Any] | None, per_page: int) -> Window:
    """The part of a list that ``{"page", "per_page"}`` asks for; by default its first `per_page` items."""
    asked = options(f"{place}: pagination", pagination, ("page", "per_page"))
    return window(place, asked.get("page", 0), asked.get("per_page", per_page))


def ordering(
    place: str, order_by: Mapping[str, object] | None, columns: Mapping[str, str], direction: Literal["ASC", "DESC"]
) -> dict[str, Any]:
    """The storage function's ``orderBy``. `columns` are the allowed fields; the first is the default."""
    given = options(f"{place}: order_by", order_by, ("field", "direction"))
    field = plain(given.get("field")) or next(iter(columns))
    if field not in columns:
        raise InvalidArgumentError(f"{place}: order_by field {field!r}; expected {' or '.join(map(repr, columns))}")
    chosen = plain(given.get("direction")) or direction
    if chosen not in ("ASC", "DESC"):
        raise InvalidArgumentError(f"{place}: order_by direction {chosen!r}; expected 'ASC' or 'DESC'")
    return {"field": columns[field], "order": chosen.lower()}


def date_bounds(place: str, date_range: Mapping[str, Any] | None) -> dict[str, str]:
    """The bounds of a date range: ``{"start", "end", "start_exclusive", "end_exclusive"}``, each optional."""
    given = options(place, date_range, ("start", "end", "start_exclusive", "end_exclusive"))
    bounds = {}
    for end, bound in (("start", "gt"), ("end", "lt")):
        if given.get(end) is not None:
            is_exclusive = true_or_false(f"{place} {end}_exclusive", given.get(f"{end}_exclusive") or False)
            name = bound if is_exclusive else f"{bound}e"
            bounds[name] = date_text(f"{place} {end}", given[end])
    return bounds


def options(place: str, given: Any, known: tuple[str, ...]) -> Mapping[str, Any]:
    """An option mapping, after checking that its keys are known."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a mapping with {', '.join(known)}")
    named: Mapping[str, Any] = plain_keys(given)
    unknown = named.keys() - set(known)
    if unknown:
        raise InvalidArgumentError(f"{place} has no {min(unknown, key=str)!r}; it has: {', '.join(known)}")
    return named
