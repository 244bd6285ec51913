"""Schema: what each column is to us, and the features they become. Grows with the stream, never shrinks.

A column is the time, (part of) the key, a number, a counter, a boolean, a category, ignored, or pending
until its first value tells. In a long table one column names the feature and another holds its value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tacit.connect.text import is_boolean, is_missing, is_number
from tacit.contracts.errors import SchemaError
from tacit.contracts.events import Feature, Kind

Role = Literal["time", "key", "name", "value", "number", "counter", "boolean", "category", "ignored", "pending"]
KINDS = ("number", "counter", "boolean", "category")  # that a wish may give a column
CATEGORIES = 8  # a text column with more distinct values is no category
OTHER = "(other)"
_COUNTING = ("_total", ".total", "_counter", "_count_total", "_bytes_total", "_seconds_total")


@dataclass(frozen=True)
class Wishes:
    """What the user said: key and time columns, and the columns wanted; None = find them.

    key: one or several names, joined by "/" in events; columns: name, "name:kind" (of KINDS) or "-name" for one not
    wanted, in a long table of its features; strict: stop at the first refusal.
    """

    key: tuple[str, ...] | None = None
    time: str | None = None
    columns: tuple[str, ...] = ()
    strict: bool = False

    def wanted(self) -> dict[str, str]:
        """{column: kind or ""} of the columns asked for; empty = all."""
        out: dict[str, str] = {}
        for text in self.columns:
            if text.startswith("-"):
                continue
            name, colon, kind = text.rpartition(":")
            if colon and kind in KINDS:
                out[name] = kind
            else:
                out[text] = ""
        return out

    def unwanted(self) -> set[str]:
        """Columns asked not to be used."""
        return {text[1:] for text in self.columns if text.startswith("-")}

    def leaves_out(self, name: str) -> bool:
        """Whether this one is not wanted, or others are."""
        wanted = self.wanted()
        return bool(wanted and name not in wanted) or name in self.unwanted()


@dataclass
class Schema:
    """Roles of columns and the features made of them.

    version grows with each change, so that a plan made of the schema knows when it is stale. closed:
    categories whose values were all seen at the start: a new value is "(other)". In a long table their "column" is a name.
    """

    wishes: Wishes = field(default_factory=Wishes)
    roles: dict[str, Role] = field(default_factory=dict)
    form: str = ""  # of the time column, see times.py; "" = arrival order
    features: tuple[Feature, ...] = ()
    index: dict[str, int] = field(default_factory=dict)  # feature name → its column in Events.values
    categories: dict[str, dict[str, int]] = field(default_factory=dict)  # column → value → feature number
    closed: set[str] = field(default_factory=set)
    named: dict[str, Role] = field(default_factory=dict)  # in a long table: what the values of each name are, once that is known
    version: int = 0

    @property
    def long(self) -> bool:
        """Whether this is a long table: (time, key, name, value)."""
        return "name" in self.roles.values()

    def of(self, role: Role) -> list[str]:
        """Columns with this role."""
        return [name for name, r in self.roles.items() if r == role]

    def add(self, name: str, kind: Kind = "number") -> int:
        """Append a feature, or find it; returns its number."""
        if name not in self.index:
            self.index[name] = len(self.features)
            self.features = (*self.features, Feature(name, kind))
            self.version += 1
        return self.index[name]

    def extend(self, names: list[str], kind: Kind = "number") -> None:
        """Append many features at once."""
        fresh = [n for n in names if n not in self.index]
        for i, name in enumerate(fresh, len(self.features)):
            self.index[name] = i
        self.features = (*self.features, *(Feature(n, kind) for n in fresh))
        self.version += 1

    def mute(self, names: set[str]) -> None:
        """Never alert on these features."""
        self.features = tuple(replace(f, muted=True) if f.name in names else f for f in self.features)

    def assign(self, column: str, role: Role) -> None:
        """Give a column its role, and the feature that comes with it."""
        self.roles[column] = role
        self.version += 1
        if role in ("number", "counter", "boolean"):
            self.add(column, role)
        elif role == "category":
            self.categories.setdefault(column, {})

    def meet(self, column: str, value: Any) -> str:
        """Decide on a column that appeared in midstream by its first value; returns the note to be said."""
        wanted = self.wishes.wanted()
        if self.wishes.leaves_out(column):
            self.assign(column, "ignored")
            return ""
        role: Role = wanted.get(column) or "pending"  # type: ignore[assignment] # kinds are roles
        if role == "pending":
            role = "boolean" if is_boolean(value) else "number" if is_number(value) else "category" if isinstance(value, str) else "ignored"
            if role == "number" and counts_by_name(column):
                role = "counter"
        self.assign(column, role)
        return f"column {column!r} appeared: {role}"

    def settle(self, name: str, role: Role | None = None) -> bool:
        """What the values of a long table's name are: as was wished, else this role; returns whether it is settled."""
        if name in self.named:
            return True
        wished: Any = "ignored" if self.wishes.leaves_out(name) else self.wishes.wanted().get(name)
        decided = wished or role
        if not decided:
            return False
        self.named[name] = decided
        self.version += 1
        if decided in ("number", "counter", "boolean"):
            self.add(name, decided)
        elif decided == "category":
            self.categories.setdefault(name, {})
        return True

    def category(self, column: str, value: str) -> tuple[int, str]:
        """The feature of a category's value, and a note where it is new. Past eight values: "(other)"."""
        known = self.categories[column]
        if value in known:
            return known[value], ""
        own = sum(name != OTHER for name in known)
        if column in self.closed or own >= CATEGORIES:
            fresh = OTHER not in known
            if fresh:
                known[OTHER] = self.add(f"{column}={OTHER}", "indicator")
            return known[OTHER], f"column {column!r} has more than {own} values: further ones are {OTHER!r}" if fresh else ""
        known[value] = self.add(f"{column}={value}", "indicator")
        return known[value], f"column {column!r} has a new value {value!r}"

    def state(self) -> dict[str, Any]:
        """As JSON values; wishes come from the command line again."""
        return {
            "roles": dict(self.roles),
            "form": self.form,
            "features": [[f.name, f.kind, f.unit, f.muted] for f in self.features],
            "categories": {c: dict(v) for c, v in self.categories.items()},
            "closed": sorted(self.closed),
            "named": dict(self.named),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Raises SchemaError where the features known already are others."""
        features = tuple(Feature(str(n), k, str(u), bool(m)) for n, k, u, m in state["features"])
        shared = min(len(features), len(self.features))
        if features[:shared] != self.features[:shared]:
            raise SchemaError(
                f"the stream's features are {_few(self.features)}, the position belongs to {_few(features)}.",
                "Start from a position of the same source and the same --columns.",
            )
        self.roles, self.form, self.features = dict(state["roles"]), state["form"], features
        self.index = {f.name: i for i, f in enumerate(features)}
        self.categories = {c: dict(v) for c, v in state["categories"].items()}
        self.closed = set(state["closed"])
        self.named = dict(state.get("named", dict.fromkeys(self.index, "number")))  # positions of before know numbers alone
        self.version += 1


def counts_by_name(column: str) -> bool:
    """Whether a column says by its name that it only ever grows."""
    return column.lower().endswith(_COUNTING)


def first_value(values: Any) -> Any:
    """The first value of a column that is not missing; None where all are."""
    return next((v for v in values if not is_missing(v)), None)


def _few(features: tuple[Feature, ...]) -> str:
    names = [f.name for f in features[:5]]
    return ", ".join(names) + (f" and {len(features) - 5} more" if len(features) > 5 else "")
