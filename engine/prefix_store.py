"""Where evaluated prompts are kept, and which of them shares the longest prefix with a new one.

Three places: *resident* in a sequence of the backend, *parked* in memory as a copy of a sequence's state,
*saved* on disk (``saved_prefixes``). What one of them holds at the right place is not evaluated again.
Owned by the engine's thread; only ``expected`` may be called from others.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from engine.backend import Backend, Logits
from engine.batches import body_length, usable
from engine.parked_prompts import ParkedPrompt, ParkedPrompts
from engine.radix_tree import RadixTree, common_prefix
from engine.saved_prefixes import SavedPrefix, SavedPrefixes

_WORTH_KEEPING = 256  # tokens: a tail longer than this is another document, not an earlier keystroke
_WORTH_PARKING = 96  # tokens: less is evaluated in half a second
_WORTH_FETCHING = 32  # tokens more than what is resident, for a parked or saved prompt to be fetched


@dataclass(slots=True, eq=False)
class _Resident:
    """What a sequence holds. Its first ``body`` tokens were evaluated in blocks (see ``batches``), those up
    to ``exact`` one at a time, what is left as part of an answer: in company, as no prompt is."""

    tokens: list[int] = field(default_factory=list)
    body: int = 0
    exact: int = 0
    logits: Logits | None = None  # after the first ``logits_at`` tokens
    logits_at: int = 0
    used: int = 0
    owner: str = ""
    foreground: bool = False
    saved: int = 0  # tokens of the body that are on disk
    adapter: str = ""
    name: str = ""  # of a prefix that is kept until another takes its name


class PrefixStore:
    """Keeps the first ``branches`` sequences of ``backend``, up to ``parked_bytes`` of further states in
    memory, and those of ``saved`` on disk as a cache of evaluated prompts.

    The ``named`` sequences behind the first hold prefixes that are kept by name; where there are none, those
    are parked.
    """

    def __init__(
        self,
        backend: Backend,
        branches: int,
        *,
        named: int = 0,
        parked_bytes: int = 0,
        saved: SavedPrefixes | None = None,
    ) -> None:
        self._backend = backend
        self._block = backend.block_tokens
        self._branches = branches
        self._residents = [_Resident() for _ in range(branches + named)]
        self._saved = saved
        self._tree: RadixTree[ParkedPrompt | SavedPrefix] = RadixTree()
        self._parked = ParkedPrompts(self._tree, parked_bytes)
        self._lock = threading.Lock()  # the tree and the residents' tokens are read by other threads
        self._clock = count(1)
        self._on_disk: tuple[SavedPrefix, ...] = ()
        self._look_at_disk()

    @property
    def parked_bytes(self) -> int:
        """What copies of states in memory take."""
        return self._parked.bytes

    def tokens(self, sequence: int) -> list[int]:
        """What a sequence holds."""
        return self._residents[sequence].tokens

    def expected(self, prompt: Sequence[int], adapter: str = "") -> int:
        """How many tokens of ``prompt`` would come from the cache now. Any thread may ask."""
        with self._lock:
            return max(self._best_resident(prompt, adapter)[1], self._best_elsewhere(prompt, adapter)[1])

    def saved(self, owner: str) -> tuple[int, ...]:
        """The prompt of ``owner`` that an earlier session saved; empty where there is none. Any thread."""
        entries, label = (self._saved.entries if self._saved is not None else ()), _label(owner)
        return next((entry.tokens for entry in entries if entry.label == label), ())

    def acquire(
        self, prompt: Sequence[int], owner: str = "", *, foreground: bool = True, adapter: str = ""
    ) -> tuple[int, int]:
        """A sequence that holds what the cache has of ``prompt``, and how many tokens that is.

        A ``foreground`` prompt's sequence is left to it: what is evaluated ahead goes elsewhere. What was
        evaluated with another ``adapter`` is of no use.
        """
        with self._lock:
            source, length = self._best_resident(prompt, adapter)
            elsewhere, there = self._best_elsewhere(prompt, adapter)
            if elsewhere is not None and there >= length + _WORTH_FETCHING:
                source = self._victim(foreground)
                length = self._backend.restorable(source, min(there, self._fetch(elsewhere, source)))
                if not length:  # lost meanwhile
                    source, length = self._best_resident(prompt, adapter)
            sequence = self._place(source, length, owner, foreground)
            if sequence != source and length:
                self._copy(source, sequence, length)
            length = self._cut(sequence, length)
            resident = self._residents[sequence]
            resident.used, resident.owner, resident.foreground = next(self._clock), owner, foreground
            resident.adapter = adapter
            return sequence, length

    def keep(self, name: str, sequence: int) -> None:
        """Keep what ``sequence`` holds until another takes the name: prompts that begin with it share it."""
        with self._lock:
            self._parked.drop_named(name)
            places = range(self._branches, len(self._residents))
            if not places:
                tokens = tuple(self._residents[sequence].tokens[: self._residents[sequence].body])
                self._parked.keep(ParkedPrompt(tokens, self._backend.save(sequence), "", 0, name=name))
                return
            own = [i for i in places if self._residents[i].name == name]
            place = own[0] if own else min(places, key=lambda i: self._residents[i].used)
            length = self._backend.restorable(sequence, len(self._residents[sequence].tokens))
            self._cut(place, 0)
            self._copy(sequence, place, length)
            kept = self._residents[place]
            kept.name, kept.used, kept.adapter = name, next(self._clock), self._residents[sequence].adapter

    def rewind(self, sequence: int, length: int) -> int:
        """Forget all but the first ``length`` tokens of a sequence, or fewer where that is not possible
        exactly; how many are left."""
        with self._lock:
            return self._cut(sequence, length)

    def extend(
        self, sequence: int, tokens: Sequence[int], *, in_blocks: bool = False, alone: bool = True
    ) -> None:
        """Note that ``tokens`` were evaluated at the end of ``sequence``: in whole blocks, each by itself
        (``alone``), or in company."""
        resident = self._residents[sequence]
        with self._lock:
            length = len(resident.tokens) + len(tokens)
            if (in_blocks or self._block == 1) and resident.body == len(resident.tokens):
                resident.body = resident.exact = length
            elif alone and not in_blocks and resident.exact == len(resident.tokens):
                resident.exact = length
            resident.tokens.extend(tokens)

    def remember_logits(self, sequence: int, logits: Logits) -> None:
        """Keep what comes after all that ``sequence`` holds now."""
        resident = self._residents[sequence]
        resident.logits, resident.logits_at = logits, len(resident.tokens)

    def logits(self, sequence: int) -> Logits | None:
        """The logits after all that ``sequence`` holds, where they are known."""
        resident = self._residents[sequence]
        return resident.logits if resident.logits_at == len(resident.tokens) else None

    def logits_of(self, prompt: Sequence[int]) -> Logits | None:
        """The logits after ``prompt``, where a sequence holds just that and they are known."""
        wanted = (list(prompt), "")
        held = [i for i, one in enumerate(self._residents) if (one.tokens, one.adapter) == wanted]
        return next((found for i in held if (found := self.logits(i)) is not None), None)

    def make_room(self, keep: int) -> bool:
        """Forget the branch that was used longest ago, ``keep`` excepted; False where nothing is left."""
        held = [i for i, one in enumerate(self._residents) if one.tokens and i != keep]
        if not held:
            return False
        oldest = min(held, key=lambda i: (self._residents[i].name != "", self._residents[i].used))
        self.rewind(oldest, 0)
        return True

    def save(self, *, everything: bool = False) -> bool:
        """Write prompts that were asked for, one of each owner, to disk, where they changed much since.

        Without ``everything`` one of them; whether there was one.
        """
        if self._saved is None:
            return False
        wrote = False
        for sequence, resident in enumerate(self._residents):
            body = resident.body
            news = self._is_news(body, resident.saved)
            fits = self._backend.state_bytes(sequence) <= self._saved.limit_bytes if news else False
            if resident.owner and resident.foreground and fits and not resident.adapter:
                state = self._backend.save(sequence)
                self._write(tuple(resident.tokens[:body]), state, resident.owner)
                resident.saved, wrote = body, True
                if not everything:
                    return True
        owners = {one.owner for one in self._residents if one.tokens and one.foreground}
        for parked in self._parked:
            news = self._is_news(len(parked.tokens), parked.saved)
            if parked.owner and parked.owner not in owners and news:
                self._write(parked.tokens, parked.state, parked.owner)
                parked.saved, wrote = len(parked.tokens), True
                if not everything:
                    return True
        return wrote

    def _write(self, tokens: tuple[int, ...], state: bytes, owner: str) -> None:
        if self._saved is not None and self._saved.write(tokens, state, _label(owner)):
            self._look_at_disk()

    def _look_at_disk(self) -> None:
        """Take in which prompts are saved now: a new one of an owner took the place of the older one."""
        with self._lock:
            for entry in self._on_disk:
                self._tree.remove(entry.tokens, entry)
            self._on_disk = self._saved.entries if self._saved is not None else ()
            for entry in self._on_disk:
                self._tree.insert(entry.tokens, entry)

    def _is_news(self, tokens: int, saved: int) -> bool:
        return tokens >= _WORTH_PARKING and abs(tokens - saved) >= _WORTH_FETCHING

    def _best_resident(self, prompt: Sequence[int], adapter: str) -> tuple[int, int]:
        """The sequence that serves most of ``prompt``, the latest of equals, and how much."""
        found = []
        for i, one in enumerate(self._residents):
            shared = min(one.exact, common_prefix(one.tokens, prompt)) if one.adapter == adapter else 0
            length = usable(shared, one.body, len(prompt), self._block)
            found.append(self._backend.restorable(i, length))
        source = max(range(len(found)), key=lambda i: (found[i], self._residents[i].used))
        return source, found[source]

    def _best_elsewhere(
        self, prompt: Sequence[int], adapter: str
    ) -> tuple[ParkedPrompt | SavedPrefix | None, int]:
        """The parked (rather than saved) prompt that serves most of ``prompt``, and how much."""
        if adapter:
            return None, 0  # only the model's own states are parked and saved
        shared, entries = self._tree.longest(prompt)
        if not entries:
            return None, 0
        entry = next((one for one in entries if isinstance(one, ParkedPrompt)), entries[0])
        reached = min(shared, body_length(len(prompt), self._block))
        return entry, reached - reached % self._block

    def _place(self, source: int, length: int, owner: str, foreground: bool) -> int:
        """Where a prompt goes that shares ``length`` tokens with ``source``."""
        there = self._residents[source]
        tail = len(there.tokens) - length
        if length == 0 or source >= self._branches:
            return self._victim(foreground)
        taken = there.foreground and not foreground
        if tail > _WORTH_KEEPING or taken or (tail and there.owner not in (owner, "")):
            return self._victim(foreground, but=source)
        return source

    def _victim(self, foreground: bool, but: int = -1) -> int:
        """The sequence to give up: the one used longest ago, but not the latest foreground prompt's."""
        residents = self._residents[: self._branches]
        latest = max((one.used for one in residents if one.foreground), default=0)
        free = (
            [
                i
                for i, one in enumerate(residents)
                if i != but and (foreground or one.used != latest or not one.tokens)
            ]
            or [i for i in range(len(residents)) if i != but]
            or [0]
        )
        victim = min(free, key=lambda i: (len(residents[i].tokens) > 0, residents[i].used))
        self._park(victim)
        return victim

    def _park(self, sequence: int) -> None:
        """Keep a copy of what a sequence holds in memory, if that is worth its bytes."""
        resident = self._residents[sequence]
        tokens = tuple(resident.tokens[: resident.body])
        shared, _ = self._tree.longest(tokens)
        if self._parked.most_bytes <= 0 or len(tokens) - shared < _WORTH_PARKING or resident.adapter:
            return
        if self._backend.state_bytes(sequence) > self._parked.most_bytes:
            return
        state = self._backend.save(sequence)
        owner = resident.owner if resident.foreground else ""
        self._parked.keep(ParkedPrompt(tokens, state, owner, resident.saved))

    def _fetch(self, entry: ParkedPrompt | SavedPrefix, sequence: int) -> int:
        """Load a parked or saved prompt into ``sequence``; how many tokens came, 0 where it is lost."""
        if isinstance(entry, ParkedPrompt):
            state: bytes | None = entry.state
            self._parked.use(entry)
        elif self._saved is not None and (state := self._saved.read(entry)) is not None:
            self._saved.touch(entry)
        else:
            state = None
            self._tree.remove(entry.tokens, entry)
            self._on_disk = tuple(one for one in self._on_disk if one is not entry)
        resident = self._residents[sequence]
        if state is None or not self._backend.load(sequence, state, len(entry.tokens)):
            self._cut(sequence, 0)
            return 0
        resident.tokens = list(entry.tokens)
        resident.body = resident.exact = len(entry.tokens)
        resident.logits, resident.adapter = None, ""
        resident.saved = entry.saved if isinstance(entry, ParkedPrompt) else len(entry.tokens)
        return len(entry.tokens)

    def _copy(self, source: int, target: int, length: int) -> None:
        there, here = self._residents[source], self._residents[target]
        self._backend.fork(source, target, length)
        here.tokens = there.tokens[:length]
        here.body, here.exact = min(there.body, length), min(there.exact, length)
        here.logits, here.logits_at, here.saved = there.logits, there.logits_at, 0

    def _cut(self, sequence: int, length: int) -> int:
        resident = self._residents[sequence]
        if not self._backend.rewind(sequence, length):
            length = self._backend.restorable(sequence, length)
            self._backend.rewind(sequence, length)
        del resident.tokens[length:]
        resident.body, resident.exact = min(resident.body, length), min(resident.exact, length)
        if resident.logits_at > length:
            resident.logits, resident.logits_at = None, 0
        return length


def _label(owner: str) -> str:
    """An owner's name on disk: says nothing of it."""
    return hashlib.blake2b(owner.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
