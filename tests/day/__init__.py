"""torture.py --day: many pipelines of all kinds in one daemon, and servers that come and go."""
