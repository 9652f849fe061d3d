"""Real servers on free loopback ports, the leat program, and independent readers.

Everything a test starts is a child of the test's process, is stopped by its own process id,
and dies with the test's process should that be killed.
"""
