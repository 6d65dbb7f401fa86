"""An account's colour on its tracking pages, adjusted so that text stays readable in light and dark themes."""

from typing import Final

from waypost.domain.accounts import COLOUR

DEFAULT: Final = "#0b5c6b"
LIGHT: Final = "#ffffff"
DARK: Final = "#12181a"
READABLE: Final = 4.5
"""The minimum contrast of text to its background (WCAG 2.2, level AA)."""

_STEPS: Final = 100

Rgb = tuple[int, int, int]


def is_colour(text: str) -> bool:
    """Return whether a text is a colour such as ``#0b5c6b``."""
    return COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def readable_on(ground: str, colour: str) -> str:
    """Return the colour, or its nearest shade towards black or white that is readable on a background."""
    target = (0, 0, 0) if contrast("#000000", ground) > contrast("#ffffff", ground) else (255, 255, 255)
    chosen = _rgb(colour)
    for step in range(_STEPS + 1):
        share = step / _STEPS
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(chosen, target, strict=True))
        shade = f"#{red:02x}{green:02x}{blue:02x}"
        if contrast(shade, ground) >= READABLE:
            return shade
    raise AssertionError("black or white is readable on every background")  # pragma: no cover


def theme(colour: str) -> str:
    """Return the style sheet with the accent colours for the light and dark themes."""
    return (
        f":root{{{_accents(colour, LIGHT)}}}\n"
        f"@media (prefers-color-scheme: dark){{:root{{{_accents(colour, DARK)}}}}}\n"
    )


def _accents(colour: str, ground: str) -> str:
    accent = readable_on(ground, colour)
    on_accent = max(("#000000", "#ffffff"), key=lambda text: contrast(text, accent))
    return f"--accent:{accent};--on-accent:{on_accent}"


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB's own bounds
