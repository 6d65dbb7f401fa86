"""Actions on the list of unread scans: codes and texts that no reader understood."""

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.store import unread_changes


async def clear(context: DatabaseContext, actor: Actor) -> None:
    """Empty the account's list of unread scans; later ones fill it again."""
    async with context.database.serving.acquire() as session:
        await unread_changes.delete_unread(session, actor.account)
