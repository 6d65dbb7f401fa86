"""`waypost doctor` with a running server, after it was stopped, and for programs."""

import json

from tests.support.serving import run_waypost, serving


def test_doctor_reports_a_running_and_a_stopped_server() -> None:
    with serving() as server:
        server.start()
        running = run_waypost("doctor", "--json", "--data-dir", str(server.data_dir))
        server.stop()
        stopped = run_waypost("doctor", "--data-dir", str(server.data_dir))
        (server.data_dir / "secret.key").unlink()
        broken = run_waypost("doctor", "--data-dir", str(server.data_dir))

    states = {one["check"]: one["state"] for one in json.loads(running.stdout)["findings"]}
    assert running.returncode == 0, running.stdout
    assert {"database", "secret key", "dispatchers", "reconciliation"} <= {
        check for check, state in states.items() if state == "fine"
    }
    assert stopped.returncode == 0
    assert "No server is running" in stopped.stdout
    assert broken.returncode == 1
    assert "!!  secret key" in broken.stdout
    assert broken.stderr.endswith("waypost: 1 error found.\n")
