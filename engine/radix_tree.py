"""Which of many token sequences share the longest prefix with a prompt: a compressed radix tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    edge: tuple[int, ...] = ()  # tokens between the parent and this node
    children: dict[int, _Node[T]] = field(default_factory=dict)  # by the first token of their edge
    values: list[T] = field(default_factory=list)  # of the sequences that end here

    def below(self) -> Iterator[T]:
        """Every value here and further down."""
        yield from self.values
        for child in self.children.values():
            yield from child.below()


class RadixTree(Generic[T]):
    """Values by token sequences. A sequence may have several values; a value is compared by identity."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def insert(self, tokens: Sequence[int], value: T) -> None:
        """Add ``value`` under ``tokens``."""
        node, rest = self._root, tuple(tokens)
        while rest:
            child = node.children.get(rest[0])
            if child is None:
                node.children[rest[0]] = child = _Node(rest)
                node, rest = child, ()
                break
            shared = common_prefix(child.edge, rest)
            if shared < len(child.edge):
                upper = _Node[T](child.edge[:shared], {child.edge[shared]: child})
                child.edge = child.edge[shared:]
                node.children[rest[0]] = upper
                child = upper
            node, rest = child, rest[shared:]
        node.values.append(value)

    def remove(self, tokens: Sequence[int], value: T) -> None:
        """Take ``value`` out again. Raises KeyError where it is not there."""
        path, node, rest = [self._root], self._root, tuple(tokens)
        while rest:
            child = node.children.get(rest[0])
            if child is None or rest[: len(child.edge)] != child.edge:
                raise KeyError("no value under these tokens")
            rest = rest[len(child.edge) :]
            node = child
            path.append(node)
        place = next((i for i, one in enumerate(node.values) if one is value), None)
        if place is None:
            raise KeyError("the value is not under these tokens")
        del node.values[place]
        for parent, child in zip(reversed(path[:-1]), reversed(path[1:]), strict=True):
            if child.values:
                break
            if not child.children:
                del parent.children[child.edge[0]]
            elif len(child.children) == 1:
                (only,) = child.children.values()
                only.edge = child.edge + only.edge
                parent.children[child.edge[0]] = only

    def longest(self, tokens: Sequence[int]) -> tuple[int, list[T]]:
        """How many leading tokens the nearest sequences share with ``tokens``, and their values."""
        node, rest, length = self._root, tuple(tokens), 0
        while rest and (child := node.children.get(rest[0])) is not None:
            shared = common_prefix(child.edge, rest)
            length += shared
            node, rest = child, rest[shared:]
            if shared < len(child.edge):
                break
        return (length, list(node.below())) if length else (0, [])


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many leading tokens are equal; halves slices, which C compares far faster than a loop."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if list(a[low:middle]) == list(b[low:middle]):
            low = middle
        else:
            high = middle - 1
    return low
