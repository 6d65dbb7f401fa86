"""Check digits of tracking numbers: each function returns the correct one for a serial number."""

from collections.abc import Callable, Mapping
from itertools import cycle
from types import MappingProxyType
from typing import Final

from stdnum import ean, luhn
from stdnum.iso7064 import mod_37_36

CheckDigit = Callable[[str], str]
_S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
_S10_TWO_DIGITS: Final = {10: "0", 11: "5"}


def s10(serial: str) -> str:
    """Return the check digit of international mail: S10 of the Universal Postal Union."""
    rest = 11 - _weighted(serial, _S10_WEIGHTS) % 11
    return _S10_TWO_DIGITS.get(rest, str(rest))


def ups(serial: str) -> str:
    """Return the check digit of UPS and OnTrac; letters count as the last digit of their position, from A = 2 on."""
    digits = "".join(sign if sign.isdecimal() else str((ord(sign) - ord("A") + 2) % 10) for sign in serial)
    return _up_to_ten(_weighted(digits, (1, 2)))


def fedex(serial: str) -> str:
    """Return the check digit of FedEx Express: weights from the right, the last digit of the remainder of 11."""
    return str(_weighted(serial[::-1], (1, 3, 7)) % 11 % 10)


def mod7(serial: str) -> str:
    """Return the check digit of DHL Express, Yamato and Sagawa: the remainder of 7."""
    return str(int(serial) % 7)


def identcode(serial: str) -> str:
    """Return the check digit of Deutsche Post's Identcode."""
    return _up_to_ten(_weighted(serial, (4, 9)))


def usps_91(serial: str) -> str:
    """Return the check digit of a USPS number written without the 91 that was part of its calculation."""
    return ean.calc_check_digit("91" + serial)


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, cycle(weights), strict=False))


def _up_to_ten(total: int) -> str:
    return str(-total % 10)


CHECKS: Final[Mapping[str, CheckDigit]] = MappingProxyType(
    {
        "fedex": fedex,
        "gs1": ean.calc_check_digit,
        "identcode": identcode,
        "luhn": luhn.calc_check_digit,
        "mod37_36": mod_37_36.calc_check_digit,
        "mod7": mod7,
        "s10": s10,
        "ups": ups,
        "usps_91": usps_91,
    }
)
"""The functions by their names in ``formats.toml``."""
