"""The unit tests beside the MySQL connector that need a real server."""

import os
import re
import subprocess

import pytest
from harness import leat


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_the_connector_on_a_real_server(own_server, kind):
    server = own_server(kind)
    server.execute("CREATE USER tester@'%' IDENTIFIED BY 'tester'",
                   "GRANT ALL ON *.* TO tester@'%' WITH GRANT OPTION")
    url = server.url("shop", user="tester", password="tester")
    run = subprocess.run([leat.PROGRAM.parent / "leat_mysql_test", "--gtest_brief=1"],
                         env={**os.environ, f"LEAT_TEST_{kind.upper()}_URL": url},
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=900)
    assert run.returncode == 0, "\n".join(
        line for line in run.stdout.splitlines() if "names no server" not in line)[-8000:]
    assert re.search(r"^\[  PASSED  \] \d\d+ tests", run.stdout, re.M), run.stdout[-2000:]
