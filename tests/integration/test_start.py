"""What keeps a node from starting, and leaves those that run alone: folders of another node, and what can never succeed."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest

import programs
from harness import NOBODY, NodeCase
from programs import SERVICES

needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root")
FOLDERS = ("POSEMESH_RUNTIME_DIR", "POSEMESH_STATE_DIR", "POSEMESH_WORK_DIR")
OWN_MOUNTS = ["unshare", "--mount", "sh", "-c"]


def folders_open(pid, among):
    """Which of these folders a process has open."""
    folder, found = f"/proc/{pid}/fd", set()
    for name in os.listdir(folder):
        try:
            found.add(os.readlink(os.path.join(folder, name)))
        except FileNotFoundError:
            pass
    return found & set(among)


def state(node):
    return node.variables["POSEMESH_STATE_DIR"]


def mode(path):
    return os.stat(path).st_mode & 0o7777


class StartCase(NodeCase):
    variables = None

    def start_job(self, node):
        """A job that waits at a gate: (job, gate)."""
        gate = node.gate()
        job = self.devnet.post(["say", {"event": "ready"}], ["gate", gate.name], ["write", "a.json", 7])
        self.devnet.wait_event(job, "ready")
        return job, gate

    def refused(self, *words, status=78, node=None, before=(), **variables):
        """A node that ends with the status, says this in one line, and started nothing."""
        node = node or self.make_node(**variables)
        self.addCleanup(node.remove)
        node.start(ready=False, before=list(before))
        self.assertEqual(node.wait_exit(), status)
        node.log.wait_end()
        line = node.log.wait(words[0])["msg"]
        for word in words:
            self.assertIn(word, line)
        self.assertEqual(node.log.find_all("started: version"), [], "a service ran")
        return node


class TwoNodes(StartCase):

    def test_a_second_node_on_a_folder_of_the_first_disturbs_nothing(self):
        first = self.own_node(MAX_CONCURRENCY="1")
        job, gate = self.start_job(first)
        for variable in FOLDERS:
            with self.subTest(variable):
                folder = first.variables[variable]
                self.refused(f"{folder} is used by another posemesh-node, pid {first.process.pid}: stop that one",
                             f"a {variable} of its own", **{variable: folder})
        gate.open()
        self.assert_completed(self.devnet.wait_job(job))
        self.assert_node_works()

    def test_a_service_of_a_kind_that_runs_there_is_refused(self):
        node = self.own_node()
        for service in SERVICES:
            status, _, output = programs.run([programs.program(service)], {**node.variables, "HTTP_LISTEN": "127.0.0.1:0"})
            self.assertEqual(status, 78, output)
            self.assertIn(f"{node.runtime} is used by another posemesh-{service}, pid {node.pid(service)}", output)
            self.assertIn("POSEMESH_RUNTIME_DIR", output)
        self.assert_node_works()

    def test_a_node_beside_a_service_that_was_started_by_itself_is_refused(self):
        node = self.make_node()
        alone = subprocess.Popen([programs.program("runnerd")], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 env={**programs.base_environment(), **node.variables})
        self.addCleanup(alone.wait)
        self.addCleanup(alone.kill)
        programs.Log(alone.stderr).wait("started: version")
        self.refused(f"{node.runtime} is used by another posemesh-runnerd, pid {alone.pid}", node=node)

    def test_one_folder_for_two_purposes_is_refused(self):
        node = self.make_node()
        node.variables["POSEMESH_STATE_DIR"] = node.runtime
        self.refused("POSEMESH_STATE_DIR: is the folder of POSEMESH_RUNTIME_DIR, too", node=node)

    def test_a_folder_in_what_a_service_keeps_to_itself_is_refused(self):
        for inside in ("stored", "stored/work"):
            node = self.make_node()
            kept = os.path.join(state(node), "stored")
            os.makedirs(kept)
            node.variables["POSEMESH_WORK_DIR"] = os.path.join(state(node), inside)
            self.refused(f"POSEMESH_WORK_DIR: lies in {kept}, which is stored's alone", node=node)

    def test_a_work_folder_around_another_is_refused(self):
        node = self.make_node()
        node.variables["POSEMESH_WORK_DIR"] = node.folder
        self.refused("POSEMESH_WORK_DIR: has the folder of POSEMESH_RUNTIME_DIR in it", node=node)

    def test_what_lies_in_a_folder_of_the_first_does_not_matter(self):
        """All files there are gone: a clean-up, or whoever owns the work folder."""
        first = self.own_node()
        for variable in FOLDERS:
            folder = first.variables[variable]
            for name in (".lock", "pid"):
                with open(os.path.join(folder, name), "w") as file:
                    file.write("1\n")
            subprocess.run(["find", folder, "-type", "f", "-delete"], check=True)
            self.refused(f"{folder} is used by another posemesh-node, pid {first.process.pid}:", **{variable: folder})

    @needs_root
    def test_who_keeps_the_work_folder_without_being_a_node_is_named(self):
        node = self.make_node()
        self.addCleanup(node.remove)
        node.start()
        node.terminate()
        node.wait_exit()
        uid = os.stat(node.work).st_uid
        keep = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_SH); print('kept', flush=True); sys.stdin.read()"
        holder = subprocess.Popen(["/usr/bin/python3", "-c", keep, node.work], user=uid, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.communicate)
        holder.stdout.readline()
        self.refused(f"{node.work} is kept locked by pid {holder.pid} of uid {uid}, which is no posemesh-node", POSEMESH_WORK_DIR=node.work)

    def test_a_pid_of_another_namespace_is_not_named(self):
        first = self.own_node()
        before = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() or programs.run([*before, "true"], {})[0] != 0:
            self.skipTest("no namespace of processes here")
        self.refused(f"{state(first)} is used by another posemesh-node: stop that one", before=before, POSEMESH_STATE_DIR=state(first))

    def test_a_folder_in_one_of_another_node(self):
        first = self.own_node()
        second = self.make_node(POSEMESH_WORK_DIR=os.path.join(first.work, "x"))
        self.refused("POSEMESH_WORK_DIR", "leads through" if os.geteuid() == 0 else "lies in a folder that another posemesh-node uses, "
                     f"pid {first.process.pid}", node=second)

    @needs_root
    def test_a_folder_in_one_of_another_node_of_an_ordinary_user(self):
        first = self.make_node(user=NOBODY)
        self.addCleanup(first.remove)
        first.start()
        self.refused(f"POSEMESH_WORK_DIR: lies in a folder that another posemesh-node uses, pid {first.process.pid}",
                     node=self.make_node(user=NOBODY, POSEMESH_WORK_DIR=os.path.join(first.work, "x")))
        os.rmdir(os.path.join(first.work, "x"))
        first.check_end()

    def test_a_killed_node_is_followed_by_the_next_at_once(self):
        node = self.own_node()
        services = [node.pid(service) for service in SERVICES]
        node.process.kill()
        node.process.wait()
        node.start()
        self.assertFalse([pid for pid in services if programs.is_alive(pid)], "services of the node before")
        self.assert_node_works()

    def test_a_killed_service_is_followed_by_the_next(self):
        node = self.own_node()
        for service in SERVICES:
            node.kill(service)
        self.assertEqual(node.log.find_all("is used by another"), [])

    def test_services_have_the_locks_and_jobs_have_none(self):
        node = self.own_node()
        job, gate = self.start_job(node)
        runtime, kept, work = own = [node.variables[name] for name in FOLDERS]
        uses = {"stored": {runtime, kept, work}, "runnerd": {runtime, work}}
        for service in SERVICES:
            self.assertEqual(folders_open(node.pid(service), own), uses.get(service, {runtime}), service)
        below = programs.descendants(node.pid("runnerd"))
        self.assertGreaterEqual(len(below), 2, "a shim and a job")
        self.assertEqual([folders_open(pid, own) for pid in below], [set()] * len(below))
        gate.open()
        self.assert_completed(self.devnet.wait_job(job))

    @needs_root
    def test_process_1_that_waits_for_a_folder_ends_by_a_signal(self):
        first = self.own_node()
        second = self.make_node(POSEMESH_RUNTIME_DIR=first.runtime)
        self.addCleanup(second.remove)
        second.start(ready=False, before=["unshare", "--pid", "--fork", "--kill-child"])
        try:
            line = second.log.wait("may be about to end", "node")
        except AssertionError:
            self.skipTest("no namespace of processes here")
        self.assertIn("of its own; waiting up to 5 s, as the services of a node that was killed", line["msg"])
        (pid,) = programs.descendants(second.process.pid)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(second.wait_exit(), 0)
        second.log.wait("Terminated: not starting")


class NeverSucceeds(StartCase):

    def check(self, node):
        """--check-config: (status, output)."""
        status, output, errors = programs.run([programs.program("node"), "--check-config"], node.variables)
        return status, output + errors

    def put_state_below_a_file(self, node):
        node.variables["POSEMESH_STATE_DIR"] = os.path.join(node.runners, "scripted.json", "state")

    @needs_root
    def test_a_folder_that_a_service_cannot_enter(self):
        node = self.make_node()
        os.chmod(node.folder, 0o700)
        node = self.refused(f"POSEMESH_WORK_DIR: uid 64802 (stored): cannot enter {node.folder}: chmod o+x it", node=node)
        for variable in ("RUNTIME", "STATE", "RUNNERS"):
            node.log.wait(f"POSEMESH_{variable}_DIR: uid 648")
        node.log.wait("nothing was started: 4 faults")
        self.assertFalse(os.path.exists(node.runtime), "something was made")
        status, output = self.check(node)
        self.assertEqual(status, 78)
        for variable in ("RUNTIME", "STATE", "WORK", "RUNNERS"):
            self.assertEqual(output.count(f"POSEMESH_{variable}_DIR: uid 648"), 1, output)
        os.chmod(node.folder, 0o711)
        node.start()
        node.check_end()

    @needs_root
    def test_a_start_that_failed_leaves_what_the_next_can_use(self):
        """The work folder lies in the state folder, as it does by default; so does an older start's mode."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            node = self.make_node(REGISTRATION_FLOW="callback", HTTP_LISTEN="127.0.0.1:%d" % taken.getsockname()[1])
            node.variables["POSEMESH_WORK_DIR"] = os.path.join(state(node), "work")
            node = self.refused("HTTP_LISTEN", node=node)
        self.assertEqual([mode(node.runtime), mode(state(node))], [0o711, 0o711])
        os.chmod(state(node), 0o700)
        os.chmod(node.runtime, 0o700)
        status, output = self.check(node)
        self.assertEqual(status, 0, output)

    def test_a_closed_stderr_is_handed_to_nobody(self):
        """What is opened in its place would be every service's, and that was the memory file with the secrets."""
        node = self.make_node()
        self.addCleanup(node.remove)
        closed = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-']
        process = subprocess.Popen([*closed, programs.program("node")], env={**programs.base_environment(), **node.variables})
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        files = [os.path.join(node.runtime, f"{service}.pid") for service in SERVICES]
        programs.wait_until(lambda: all(map(os.path.exists, files)), "the services run")
        for path in files:
            with open(path) as file:
                pid = file.read().strip()
            for number in range(3):
                self.assertEqual(os.readlink(f"/proc/{pid}/fd/{number}"), "/dev/null", path)

    @needs_root
    def test_a_runner_folder_that_runnerd_cannot_read(self):
        node = self.make_node()
        os.chmod(node.runners, 0o700)
        self.refused(f"POSEMESH_RUNNERS_DIR: uid 64805 (runnerd): cannot read {node.runners}: chmod o+rx it", node=node)

    @needs_root
    def test_a_read_only_disk(self):
        mounted = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        self.addCleanup(os.rmdir, mounted)
        mount = OWN_MOUNTS + [f'mount -t tmpfs -o ro,mode=755 none {mounted} && exec "$0" "$@"']
        if programs.run([*mount, "true"], {})[0] != 0:
            self.skipTest("nothing can be mounted here")
        for variable in ("POSEMESH_RUNTIME_DIR", "POSEMESH_STATE_DIR", "POSEMESH_WORK_DIR"):
            self.refused(f"{variable}: uid 0 (posemesh-node): cannot make a folder in {mounted}: its disk is read-only",
                         before=mount, **{variable: mounted + "/deep/folder"})

    @needs_root
    def test_a_full_disk_is_not_for_ever(self):
        mounted = tempfile.mkdtemp(prefix="pm-it.", dir="/tmp")
        self.addCleanup(os.rmdir, mounted)
        mount = OWN_MOUNTS + [f'mount -t tmpfs -o nr_inodes=1,mode=755 none {mounted} && exec "$0" "$@"']
        if programs.run([*mount, "true"], {})[0] != 0:
            self.skipTest("nothing can be mounted here")
        self.refused("POSEMESH_WORK_DIR", "No space left", status=1, before=mount, POSEMESH_WORK_DIR=mounted + "/work")

    @needs_root
    def test_uids_of_others(self):
        self.refused("POSEMESH_UID_BASE is 65530, but uid 65534 is the user nobody: choose a number that belongs to no user and no "
                     "group, nor do the 5 behind it", POSEMESH_UID_BASE="65530")

    @needs_root
    def test_a_start_tells_the_faults_of_settings_uids_and_folders_at_once(self):
        for base in ("65530", "many"):
            node = self.make_node(POSEMESH_UID_BASE=base, MAX_CONCURRENCY="none")
            self.put_state_below_a_file(node)
            self.refused("nothing was started: 3 faults", node=node)
            for fault in ("POSEMESH_UID_BASE is ", "MAX_CONCURRENCY is 'none'", "POSEMESH_STATE_DIR: uid 0 (posemesh-node)"):
                node.log.wait(fault)

    def test_a_folder_that_its_user_may_not_write_to(self):
        node = self.make_node(user=NOBODY if os.geteuid() == 0 else None)
        node.variables["POSEMESH_STATE_DIR"] = "/etc/posemesh-test/state"
        self.refused(f"POSEMESH_STATE_DIR: uid {NOBODY if os.geteuid() == 0 else os.geteuid()} (posemesh-node)",
                     "cannot make a folder in /etc: make /etc/posemesh-test/state for that user, or choose another place", node=node)

    def test_a_runtime_folder_too_long_for_a_socket(self):
        self.refused("POSEMESH_RUNTIME_DIR is /", "Choose a shorter one", POSEMESH_RUNTIME_DIR="/tmp/" + "long" * 25)

    def test_a_service_by_itself_hears_of_its_folders_too(self):
        node = self.make_node()
        self.addCleanup(node.remove)
        file = os.path.join(node.runners, "scripted.json")
        variables = {**node.variables, "POSEMESH_RUNTIME_DIR": os.path.join(file, "run")}
        for option in ([], ["--check-config"]):
            status, output, errors = programs.run([programs.program("runnerd"), *option], variables)
            self.assertEqual(status, 78, errors)
            self.assertIn(f"(runnerd): cannot enter {file}: a part of it is no folder", output + errors)
            self.assertIn("POSEMESH_RUNTIME_DIR: uid", output + errors)

    def test_a_check_beside_a_node_that_runs_says_so_and_changes_nothing(self):
        node = self.own_node()
        status, output = self.check(node)
        self.assertEqual(status, 0, output)
        self.assertIn(f"POSEMESH_WORK_DIR {node.work} is used by a posemesh-node that runs, pid {node.process.pid}", output)
        self.assertIn("the configuration is good", output)
        self.assertNotIn('{"', output, "text for people")
        self.assert_node_works()

    def test_a_check_tells_the_faults_of_all_kinds_at_once(self):
        node = self.make_node()
        self.addCleanup(node.remove)
        node.variables.update(MAX_CONCURRENCY="none", POSEMESH_STATE_DIR="/dev/null/state", HTTP_LISTEN="127.0.0.1:none")
        with open(os.path.join(node.runners, "bad.json"), "w") as file:
            file.write('{\n"capability": 1}')
        status, output = self.check(node)
        self.assertEqual(status, 78, output)
        for fault in ("MAX_CONCURRENCY is 'none'", "POSEMESH_STATE_DIR leads through /dev/null", "bad.json:2: "):
            self.assertIn(fault, output)
        self.assertEqual(output.count("HTTP_LISTEN"), 1, output)

    def test_a_check_finds_what_only_a_service_knows(self):
        """The service that looks at more is asked, in the environment that it will have."""
        node = self.make_node()
        self.addCleanup(node.remove)
        status, output = self.check(node)
        self.assertEqual(status, 0, output)
        self.assertNotIn("runnerd: ", output, "the sum is posemesh-node's")
        self.assertTrue(output.startswith("node: the configuration is good\n"), output)
        self.assertFalse(os.path.exists(node.runtime), "something was made")
        with open(os.path.join(node.runners, "bad.json"), "w") as file:
            file.write("{")
        status, output = self.check(node)
        self.assertEqual(status, 78, output)
        self.assertIn("bad.json:1: ", output)
        self.assertIn("node: it would start, without the runners that are at fault\n", output)

    def test_a_check_tells_each_fault_once(self):
        for variables in ({"LOG_LEVEL": "loud"}, {"ENABLE_NOOP": "maybe"}, {"POSEMESH_RUNNERS_DIR": "runners.d"},
                          {"POSEMESH_RUNNERS_DIR": "/dev/null/runners.d"}, {"POSEMESH_RUNTIME_DIR": "/dev/null/run"},
                          {"POSEMESH_RUNTIME_DIR": "run"}, {"REGISTRATION_FLOW": "robots"}, {"HTTP_LISTEN": "192.0.2.1:18080"}):
            with self.subTest(variables):
                node = self.make_node(**variables)
                self.addCleanup(node.remove)
                status, output = self.check(node)
                self.assertEqual(status, 78, output)
                faults = [line for line in output.splitlines() if re.search(r"\berror\b", line)]
                self.assertEqual(len(faults), 1, output)
                self.assertIn(*variables, faults[0])
                self.assertIn("node: nothing would be started: 1 fault\n", output)

    def test_a_check_tells_the_faults_behind_one_of_the_uids(self):
        node = self.make_node(POSEMESH_UID_BASE="1")
        self.put_state_below_a_file(node)
        self.addCleanup(node.remove)
        with open(os.path.join(node.runners, "bad.json"), "w") as file:
            file.write("{")
        status, output = self.check(node)
        self.assertEqual(status, 78, output)
        for fault in ("POSEMESH_UID_BASE is '1'", "POSEMESH_STATE_DIR: uid ", "bad.json:1: ", ": 2 faults, and those of runners\n"):
            self.assertIn(fault, output)

    def test_a_check_warns_of_a_disk_that_is_too_full_for_tasks(self):
        node = self.make_node(DISK_RESERVE_BYTES=str(2**52))
        self.addCleanup(node.remove)
        status, output = self.check(node)
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r"warn +node +a node would start and not be ready: disk: [0-9.]+ [KMGT]iB free at "
                                 + node.work + r", no task below 4096.0 TiB \(DISK_RESERVE_BYTES\)\n")


if __name__ == "__main__":
    unittest.main()
