"""What a kernel's names hold. Its text runs in the kernel, so it needs Python alone.

No code of the person's is called: no ``repr``, ``==`` or ``hash`` but of Python's own plain values,
cut to a size; shapes and columns through the libraries' own types.
"""

from __future__ import annotations

import json
import reprlib
import sys
import types
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

#: Characters of one value.
MAX_VALUE = 300

#: What IPython puts into a namespace.
IPYTHONS = {"In", "Out", "exit", "quit", "get_ipython", "open"}

SIZED = {id(one) for one in (str, bytes, bytearray, list, tuple, dict, set, frozenset)}
PLAIN = SIZED | {id(one) for one in (bool, int, float, complex, range, type(None))}


def tell(scope: Mapping[str, Any], names: list[str] | None, pattern: str, most: int) -> str:
    """The variables of a namespace as JSON, and how many there are."""
    values = dict(scope)
    if names is None:
        found = [name for name in values if is_theirs(name, values[name])]
    else:
        found = [name for name in names if name in values]
    kinds = {name: type_name(type(values[name])) for name in found}
    found = [name for name in found if pattern in name or pattern in kinds[name]]
    shown = [{"name": name, "type": kinds[name], **facts(values[name])} for name in found[:most]]
    missing = [name for name in names or () if name not in values]
    return json.dumps({"variables": shown, "total": len(found), "missing": missing})


def is_theirs(name: Any, value: Any) -> bool:
    """Whether a person made it: no module, and nothing that IPython keeps."""
    return not (
        type(name) is not str
        or name.startswith("_")
        or name in IPYTHONS
        or type(value) is types.ModuleType
    )


def type_name(kind: type) -> str:
    """The name of a type, with its module; its metaclass is not asked."""
    name: str = type.__dict__["__name__"].__get__(kind)
    module = type.__dict__["__dict__"].__get__(kind).get("__module__", "builtins")
    if type(module) is not str or module in ("builtins", "__main__"):
        return name
    return module + "." + name


def facts(value: Any) -> dict[str, Any]:
    """What can be said of a value without asking it."""
    kind = type(value)
    said: dict[str, Any] = {}
    try:
        if id(kind) in SIZED:
            said["length"] = len(value)
        if id(kind) in PLAIN:
            said["value"] = Short().repr(value)[:MAX_VALUE]
        elif kind is types.FunctionType:
            code = value.__code__
            said["value"] = "(" + ", ".join(code.co_varnames[: code.co_argcount]) + ")"
        else:
            said.update(library_facts(kind, value))
    except Exception as error:
        said["error"] = type_name(type(error))
    return said


def library_facts(kind: type, value: Any) -> dict[str, Any]:
    """Shapes and columns of what the libraries make that are loaded."""
    for library, class_name, describe in LIBRARIES:
        theirs = getattr(sys.modules.get(library), class_name, None)
        if any(one is theirs for one in type.mro(kind)):
            return describe(theirs, value)
    return {}


class Short(reprlib.Repr):
    """Short forms of plain values; of any other value within them, its type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxstring = 120
        self.maxother = 80
        self.maxlist = self.maxtuple = 6

    def repr1(self, x: Any, level: int) -> str:
        if id(type(x)) not in PLAIN:
            return "<" + type_name(type(x)) + ">"
        return super().repr1(x, level)

    def repr_int(self, x: Any, level: int) -> str:
        return f"<int of {x.bit_length()} bits>" if x.bit_length() > 400 else repr(x)

    def repr_bytes(self, x: Any, level: int) -> str:
        return repr(bytes(x[:60])) + ("..." if len(x) > 60 else "")

    repr_bytearray = repr_bytes

    def repr_set(self, x: Any, level: int) -> str:
        # Python's own would compare what is in it.
        return self.braced(x, (self.repr1(one, level - 1) for one in x), level)

    repr_frozenset = repr_set

    def repr_dict(self, x: Any, level: int) -> str:
        pairs = (
            self.repr1(key, level - 1) + ": " + self.repr1(one, level - 1) for key, one in x.items()
        )
        return self.braced(x, pairs, level)

    def braced(self, x: Any, entries: Iterator[str], level: int) -> str:
        """A set or dictionary of which the first entries are shown."""
        if level <= 0:
            return "{...}"
        return "{" + ", ".join([*islice(entries, 6), *["..."][: len(x) > 6]]) + "}"


def array(theirs: Any, value: Any) -> dict[str, Any]:
    """A NumPy array."""
    dtype = str(theirs.dtype.__get__(value))
    return {"shape": list(theirs.shape.__get__(value)), "dtype": dtype[:MAX_VALUE]}


def column(theirs: Any, value: Any) -> dict[str, Any]:
    """A column of a table."""
    return {"length": len(value), "dtype": str(value.dtype)[:MAX_VALUE]}


def table(theirs: Any, value: Any) -> dict[str, Any]:
    """A table, and its first columns with their types."""
    kinds = [str(kind)[:40] for kind in islice(value.dtypes, 40)]
    names = [
        name[:60] if type(name) is str else Short().repr(name) for name in islice(value.columns, 40)
    ]
    # Kernels have older Pythons, whose `zip` has no `strict`.
    return {"shape": list(value.shape), "columns": dict(zip(names, kinds))}  # noqa: B905


def tensor(theirs: Any, value: Any) -> dict[str, Any]:
    """A tensor of PyTorch."""
    return {"shape": list(value.shape), "dtype": str(value.dtype)}


LIBRARIES = (
    ("numpy", "ndarray", array),
    ("pandas", "DataFrame", table),
    ("pandas", "Series", column),
    ("polars", "DataFrame", table),
    ("polars", "Series", column),
    ("torch", "Tensor", tensor),
)
