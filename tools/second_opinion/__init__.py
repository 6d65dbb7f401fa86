"""What independent parsers make of the answers in the tests: ``python -m tools.second_opinion``."""
