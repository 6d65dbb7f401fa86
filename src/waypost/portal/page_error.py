"""What pages themselves refuse: forms of other sites, what can't be read, what only owners may do."""


class PageError(Exception):
    """A page that says no, with this HTTP status and one sentence for people; nothing was changed."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
