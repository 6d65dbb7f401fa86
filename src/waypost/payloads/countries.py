"""Country names as V2 writes them. Everything else uses the two-letter codes."""

from typing import Final

import iso3166

# ISO's names are the official ones; these are the usual ones.
_EVERYDAY: Final = {
    "BN": "Brunei",
    "BO": "Bolivia",
    "CD": "DR Congo",
    "CG": "Congo",
    "CI": "Ivory Coast",
    "CZ": "Czech Republic",
    "FK": "Falkland Islands",
    "FM": "Micronesia",
    "GB": "United Kingdom",
    "IR": "Iran",
    "KP": "North Korea",
    "KR": "South Korea",
    "LA": "Laos",
    "MD": "Moldova",
    "NL": "Netherlands",
    "PS": "Palestine",
    "RU": "Russia",
    "SY": "Syria",
    "TR": "Turkey",
    "TW": "Taiwan",
    "TZ": "Tanzania",
    "US": "United States",
    "VA": "Vatican City",
    "VE": "Venezuela",
    "VG": "British Virgin Islands",
    "VI": "US Virgin Islands",
    "VN": "Vietnam",
}


def country_name(code: str | None) -> str | None:
    """Return the English name of a two-letter country code; anything else is returned unchanged."""
    if code is None:
        return None
    known = iso3166.countries_by_alpha2.get(code.upper())
    if known is None:
        return code
    return _EVERYDAY.get(known.alpha2, known.name)
