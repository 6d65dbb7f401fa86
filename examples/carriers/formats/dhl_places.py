"""Where DHL scans parcels, as its companies write the towns."""

from typing import Final

from examples.carriers.journeys import Place

BERLIN: Final = Place("Berlin", "DE", "10115", "+01:00")
BONN: Final = Place("Bonn", "DE", "53113", "+01:00")
BREMEN: Final = Place("Bremen", "DE", "28195", "+01:00")
DRESDEN: Final = Place("Dresden", "DE", "01067", "+01:00")
HAMBURG: Final = Place("Hamburg", "DE", "20095", "+01:00")
HONG_KONG: Final = Place("HONG KONG - HONG KONG SAR, CHINA", "HK", "", "+08:00")
KOELN: Final = Place("Köln", "DE", "50667", "+01:00")
LEIPZIG: Final = Place("Leipzig", "DE", "04103", "+01:00")
LONDON: Final = Place("LONDON - UK", "GB", "EC1A 1BB", "+00:00")
MADRID: Final = Place("MADRID - SPAIN", "ES", "28013", "+01:00")
MUENCHEN: Final = Place("München", "DE", "80331", "+01:00")
MUMBAI: Final = Place("MUMBAI (BOMBAY) - INDIA", "IN", "400001", "+05:30")
NEW_YORK: Final = Place("NEW YORK, NY - USA", "US", "10001", "-05:00")
PARIS: Final = Place("PARIS - FRANCE", "FR", "75001", "+01:00")
SHENZHEN: Final = Place("SHENZHEN", "CN", "518000", "+08:00")
STUTTGART: Final = Place("Stuttgart", "DE", "70173", "+01:00")
TOKYO: Final = Place("TOKYO - JAPAN", "JP", "100-0001", "+09:00")
UTRECHT: Final = Place("Utrecht", "NL", "3511", "+01:00")
WARSAW: Final = Place("WARSAW - POLAND", "PL", "00-001", "+01:00")
