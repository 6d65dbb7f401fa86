"""The tree of phrases as an automaton: at each word, all phrases that go on with it are followed as one state.

Words of several languages, and stems, lead from one node of the tree to several. Following them one by one would be
most of the work of reading a text.
"""

from typing import Final

from waypost.domain.wording.phrases import Node, Saying


class PhraseState:
    """Nodes of the tree: the words that lead on, at once or over a gap, and the sayings that end here."""

    __slots__ = ("gaps", "next", "sayings")

    def __init__(self, sayings: tuple[Saying, ...]) -> None:
        self.sayings: Final = sayings
        self.next: dict[str, PhraseState] = {}
        self.gaps: tuple[tuple[int, dict[str, PhraseState]], ...] = ()
        """The words that lead on over this many others at most."""

    @property
    def looks(self) -> int:
        """The maximum number of words that are looked up in this state."""
        return 1 + sum(gap + 1 for gap, _ in self.gaps)


def states_of(root: Node) -> list[PhraseState]:
    """Return all states, the first one at the beginning of a phrase. There are about as many as nodes."""
    found: dict[tuple[Node, ...], PhraseState] = {}

    def state_of(nodes: tuple[Node, ...]) -> PhraseState:
        state = found.get(nodes)
        if state is None:
            state = found[nodes] = PhraseState(
                tuple(dict.fromkeys(saying for node in nodes for saying in node.sayings))
            )
            waiting.append((nodes, state))
        return state

    def following(nodes: tuple[Node, ...]) -> dict[str, PhraseState]:
        branches: dict[str, list[Node]] = {}
        for node in nodes:
            for word, some in node.next.items():
                branches.setdefault(word, []).extend(some)
        return {word: state_of(tuple(some)) for word, some in branches.items()}

    waiting: list[tuple[tuple[Node, ...], PhraseState]] = []
    state_of((root,))
    while waiting:
        nodes, state = waiting.pop()
        state.next = following(nodes)
        after: dict[int, list[Node]] = {}
        for node in nodes:
            for gap, one in node.gaps:
                after.setdefault(gap, []).append(one)
        state.gaps = tuple((gap, following(tuple(some))) for gap, some in after.items())
    return list(found.values())
