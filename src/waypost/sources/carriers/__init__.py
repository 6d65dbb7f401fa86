"""The carriers that can be asked, one folder each: its calls, how its answers are read, and its codes."""
