"""Requests that the pages themselves reject: forms of other sites, malformed requests, actions of owners only."""

from typing import Final

FORM_EXPIRED: Final = "This form has expired, or cookies are disabled. Reload the page and submit the form again."


class PageError(Exception):
    """A rejected request, with an HTTP status and one sentence for people. Nothing was changed."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
