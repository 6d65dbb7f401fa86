"""Countries by name, as V2 writes them. Everything else keeps their two letters."""

from typing import Final

import iso3166

# ISO's own names are official ones; these are the ones that people use.
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
    """Give the English name of a country by its two letters; what is no such code is given back as it is."""
    if code is None:
        return None
    known = iso3166.countries_by_alpha2.get(code.upper())
    if known is None:
        return code
    return _EVERYDAY.get(known.alpha2, known.name)
