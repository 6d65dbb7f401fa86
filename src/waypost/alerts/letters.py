"""Sends the letters that wait: each is a row from the decision that it is due until the mail server has responded."""

import asyncio
import secrets
from datetime import timedelta
from typing import Final

import structlog

from waypost.alerts.in_hand import InHand
from waypost.alerts.mail import Mailer, letter_of
from waypost.alerts.results import SendResult
from waypost.domain import ids, letters
from waypost.domain.alerts import wait_after
from waypost.domain.letters import MOST_LINKS, PASSWORD_LINK, TOKEN_BYTES, Letter, LetterState, digest_of
from waypost.store import letter_changes, mail_link_changes, mail_links
from waypost.store.database import Database
from waypost.store.letter_changes import ClaimedLetter
from waypost.store.statements import transaction
from waypost.store.vault import Vault, WrongKey

_LOG: Final = structlog.get_logger()
LEASE: Final = timedelta(minutes=2)
"""Longer than one letter can take; after its sender has died, a letter waits until this time has passed."""

TOO_LATE: Final = "Its link had expired before a mail server accepted it."
OTHER_KEY: Final = "The letter is encrypted under another WAYPOST_SECRET_KEY."


class LetterSender:
    """Claims letters that are due. ``origin`` is the URL that links begin with."""

    def __init__(self, database: Database, vault: Vault, mailer: Mailer, origin: str) -> None:
        self._database = database
        self._vault = vault
        self._mailer = mailer
        self._origin = origin
        self._in_hand = InHand()

    async def serve(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set; what is being sent then is finished."""
        await self._in_hand.serve(self.look, stop)

    async def look(self) -> int:
        """Begin to send letters that are due; return how many."""
        if self._in_hand.free <= 0:
            return 0
        async with self._database.engine.acquire() as session:
            claimed = await letter_changes.claim_letters(
                session, self._in_hand.free, lease=LEASE, busy=self._in_hand.busy
            )
        for one in claimed:
            self._in_hand.take(one.owner, self._serve_letter(one))
        return len(claimed)

    async def settled(self) -> None:
        """Wait until nothing is being sent."""
        await self._in_hand.settled()

    async def _serve_letter(self, claimed: ClaimedLetter) -> None:
        try:
            await self._send(claimed)
        except Exception:  # noqa: BLE001 - one letter must not keep the others from being sent; its lease ends
            _LOG.exception("letter_interrupted", letter=ids.to_text(ids.LETTER, claimed.id))

    async def _send(self, claimed: ClaimedLetter) -> None:
        """Send one letter and record the result; no connection is held in between."""
        if claimed.is_late:
            await self._give_up(claimed, TOO_LATE)
            return
        try:
            letter = letter_changes.opened(self._vault, claimed)
        except WrongKey:
            await self._give_up(claimed, OTHER_KEY)
            return
        written = letter if letter.link else await self._write(claimed, letter.to)
        if written is None:
            return
        message = letter_of(written.title, written.text, written.link, written.action)
        result = await self._mailer.send(written.to, message, why=written.why)
        await self._note(claimed, result)

    async def _write(self, claimed: ClaimedLetter, email: str) -> Letter | None:
        """Write the letter that a request for a new password is answered with; None if nobody is to get one."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        async with self._database.engine.acquire() as session, transaction(session):
            user = await mail_links.user_of_address(session, email)
            may_have_one = user is not None and await mail_link_changes.insert_mail_link(
                session, digest_of(token), user.id, None, works_for=PASSWORD_LINK, most=MOST_LINKS
            )
            if user is None or not may_have_one:
                await letter_changes.delete_letter(session, claimed.id)
                return None
            letter = letters.lost_password(user.email, link=f"{self._origin}/password/{token}")
            await letter_changes.update_letter_written(
                session, self._vault, claimed.id, letter, account=user.account, user=user.id
            )
        return letter

    async def _note(self, claimed: ClaimedLetter, result: SendResult) -> None:
        """Record that a letter was sent, or that it is sent again later, or that it never is."""
        wait = None if result.is_sent else wait_after(claimed.tries + 1, rejected=result.rejected)
        if not result.is_sent and wait is None:
            await self._give_up(claimed, result.answer)
            return
        async with self._database.engine.acquire() as session:
            if wait is None:
                await letter_changes.update_letter_settled(session, claimed.id, LetterState.SENT, result.answer)
            else:
                await letter_changes.update_letter_retried(session, claimed.id, wait, result.answer)
        if wait is not None:
            _LOG.warning("mail_failed", letter=ids.to_text(ids.LETTER, claimed.id), answer=result.answer)

    async def _give_up(self, claimed: ClaimedLetter, answer: str) -> None:
        async with self._database.engine.acquire() as session:
            await letter_changes.update_letter_settled(session, claimed.id, LetterState.FAILED, answer)
        identifier = ids.to_text(ids.LETTER, claimed.id)
        _LOG.error("letter_failed", letter=identifier, purpose=claimed.purpose.value, tries=claimed.tries + 1)
