"""Where listening continues next time: a small file that only its user can read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from waypost.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Position:
    """The cursor after the last handled event, and the secret that signs events."""

    cursor: str | None = None
    secret: str | None = None


def position_file(environment: Mapping[str, str], url: str, key: str) -> Path:
    """Return the file for a server and a key, so that two accounts have two positions."""
    state = Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name = sha256(f"{url}\x00{key}".encode()).hexdigest()[:16]
    return state / "waypost" / f"listen-{name}.json"


def load(file: Path) -> Position:
    """Return the saved position, or an empty one without a file. Raise InvalidInput for a file that is not ours."""
    try:
        value = json.loads(file.read_bytes())
        cursor, secret = value["cursor"], value["secret"]
    except FileNotFoundError:
        return Position()
    except OSError as error:
        raise InvalidInput("state", f"{file} can't be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError):
        raise InvalidInput("state", f"{file} is not a state file of `waypost listen`: remove it") from None
    return Position(cursor if isinstance(cursor, str) else None, secret if isinstance(secret, str) else None)


def save(file: Path, position: Position) -> None:
    """Save the position in one step: a crash leaves the previous one. Raise InvalidInput if that fails."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(fresh, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            json.dump(asdict(position), out)
        fresh.replace(file)
    except OSError as error:
        raise InvalidInput("state", f"{file} can't be written: {error.strerror}") from None
