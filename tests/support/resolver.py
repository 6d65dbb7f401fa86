"""A resolver for tests that never uses the network."""

from collections import Counter
from ipaddress import IPv4Address, IPv6Address, ip_address


class TableResolver:
    """Answers from a table; each list of a name is one answer, the last one stays. Counts who is asked for."""

    def __init__(self, **table: list[list[str]]) -> None:
        self._table = {name: list(answers) for name, answers in table.items()}
        self.asked: Counter[str] = Counter()

    @classmethod
    def of(cls, host: str, *answers: list[str]) -> "TableResolver":
        """Return a resolver that knows one name."""
        return cls(**{host: list(answers)})

    async def resolve(self, host: str) -> list[IPv4Address | IPv6Address]:
        self.asked[host] += 1
        answers = self._table.get(host)
        if not answers:
            raise OSError(host)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(text) for text in answer]
