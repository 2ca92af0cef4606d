"""What deploy/lib/build.sh does in checkouts of every owner: what runs is what the sources say, or a sentence says why not. CMake and
Ninja are stand-ins that "compile" a source by copying it; the script is what is tested."""
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "lib", "build.sh")
CMAKE = """#!/bin/sh
case $1 in
--preset) mkdir -p "$4/bin" && touch "$4/build.ninja" ;;
--build) ! grep broken main.c && cp main.c "$2/bin/program" && env >"$2/environment" && ls -l /proc/self/fd >"$2/descriptors" ;;
esac
"""
OWNER, READER = 64701, 64702  # nobody's
BUILD = 'source "$0/deploy/lib/build.sh" && posemesh_build "$0" release && cat "$posemesh_built/bin/program"'


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


class Checkout(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="posemesh-build.")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.root, self.tools, self.home = (os.path.join(folder.name, name) for name in ("checkout", "tools", "home"))
        os.makedirs(os.path.join(self.root, "deploy", "lib"))
        shutil.copy(LIB, os.path.join(self.root, "deploy", "lib"))
        os.mkdir(self.home)
        self.edit("one")
        write(os.path.join(self.tools, "cmake"), CMAKE, 0o755)
        write(os.path.join(self.tools, "ninja"), "#!/bin/sh\n", 0o755)

    def edit(self, text):
        write(os.path.join(self.root, "main.c"), text + "\n")

    def run_as(self, user, script=BUILD, **variables):
        """(exit status, stdout, stderr)"""
        ids = {"user": user, "group": user, "extra_groups": []} if user != os.getuid() else {}
        path = self.tools + ":" + os.environ["PATH"]
        done = subprocess.run(["bash", "-c", script, self.root], env={"PATH": path, "HOME": self.home, **variables}, capture_output=True,
                              text=True, timeout=60, check=False, **ids)
        return done.returncode, done.stdout, done.stderr

    def built(self, name):
        return os.path.join(self.root, "build", name)


class OnesOwn(Checkout):
    """In a checkout of one's own."""

    def test_what_is_edited_is_compiled(self):
        for text in ("one", "two"):
            self.edit(text)
            self.assertEqual(self.run_as(os.getuid())[:2], (0, text + "\n"))

    def test_a_build_that_fails_is_told_and_runs_nothing(self):
        self.run_as(os.getuid())
        self.edit("broken")
        status, output, said = self.run_as(os.getuid())
        self.assertEqual((status, output), (1, ""))
        self.assertIn(f"the build failed; all of its output is in {self.built('release.log')}", said)

    def test_the_compiler_sees_no_secret(self):
        self.run_as(os.getuid(), REG_SECRET="hush", SECP256K1_PRIVHEX="hush", ROBOT_REGISTRATION_CREDENTIALS="hush")
        with open(self.built("release/environment")) as file:
            self.assertNotIn("hush", file.read())

    def test_nobody_else_can_keep_a_build_waiting(self):
        self.run_as(os.getuid())
        os.chmod(self.built("release.lock"), 0o644)
        self.run_as(os.getuid())
        self.assertEqual(os.stat(self.built("release.lock")).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.built("release.log")).st_mode & 0o777, 0o644)

    def test_a_build_that_waits_for_another_says_so(self):
        self.run_as(os.getuid())
        script = 'exec 7<"$0/build/release.lock"; flock 7; mkfifo "$0/said"; (exec 7>&-; ' + BUILD + ') 2>"$0/said" & '
        script += 'read -r line <"$0/said"; echo "$line"; exec 7>&-; wait'
        status, output, _ = self.run_as(os.getuid(), script)
        self.assertEqual(status, 0)
        self.assertIn("waiting for another build in", output)

    def test_the_checkout_s_path_is_no_pattern(self):
        self.run_as(os.getuid())
        odd = self.root + "[b]*"
        os.rename(self.root, odd)
        self.root = odd
        digest = 'source "$0/deploy/lib/build.sh" && posemesh_sources "$0"'
        before = self.run_as(os.getuid(), digest)
        write(self.built("release/generated.c"), "int made;")
        self.assertEqual(self.run_as(os.getuid(), digest), before, "build/ is no source")

    def test_without_cmake_a_sentence_says_what_installs_it(self):
        os.remove(os.path.join(self.tools, "ninja"))
        os.remove(os.path.join(self.tools, "cmake"))
        for name in ("bash", "stat", "sha256sum", "cut", "find", "mkdir", "id"):
            os.symlink(shutil.which(name), os.path.join(self.tools, name))
        status, _, said = self.run_as(os.getuid(), f"PATH={self.tools}; {BUILD}")
        self.assertEqual(status, 1)
        self.assertIn("deploy/install-deps installs all that is missing", said)


@unittest.skipUnless(os.getuid() == 0, "takes other users' parts, which needs root")
class SomebodysOwn(Checkout):
    """In a checkout that another user owns."""

    def setUp(self):
        super().setUp()
        self.give(self.root, OWNER)
        self.give(self.home, READER)

    def give(self, top, user):
        for folder, _, names in os.walk(top):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                os.chown(path, user, user)

    def owners(self):
        found = subprocess.run(["find", self.root, "-printf", "%U\n"], stdout=subprocess.PIPE, text=True, check=True)
        return set(found.stdout.split())

    def test_root_builds_as_the_owner_and_what_he_edits_then_is_compiled(self):
        self.assertEqual(self.run_as(0)[:2], (0, "one\n"))
        self.assertEqual(self.owners(), {str(OWNER)})
        self.edit("two")
        self.assertEqual(self.run_as(OWNER)[:2], (0, "two\n"))

    def test_root_hands_the_owner_neither_its_environment_nor_its_descriptors(self):
        secret = tempfile.NamedTemporaryFile()
        self.addCleanup(secret.close)
        self.run_as(0, f"exec 8<{secret.name} 19<{secret.name}; {BUILD}", AWS_SECRET_ACCESS_KEY="hush", SSH_AUTH_SOCK="hush",
                    REG_SECRT="hush", LANG="C.UTF-8")
        with open(self.built("release/environment")) as file:
            environment = file.read()
        self.assertNotIn("hush", environment)
        self.assertIn("LANG=C.UTF-8", environment)
        with open(self.built("release/descriptors")) as file:
            self.assertNotIn(secret.name, file.read())

    def test_an_owner_with_a_name_has_his_home(self):
        nobody = pwd.getpwnam("nobody")
        self.give(self.root, nobody.pw_uid)
        self.run_as(0, XDG_CACHE_HOME="/of/root")
        with open(self.built("release/environment")) as file:
            environment = file.read()
        self.assertIn(f"\nHOME={nobody.pw_dir}\n", "\n" + environment)
        self.assertNotIn("/of/root", environment)

    def test_what_a_sudo_left_is_named_with_the_remedy(self):
        for left in ("", "release", "release/main.o", "release.log"):
            for user in (OWNER, 0):
                with self.subTest(left, user=user):
                    self.edit("one")
                    shutil.rmtree(self.built(""), ignore_errors=True)
                    self.run_as(OWNER)
                    self.edit("two")
                    if left.endswith(".o"):
                        write(self.built(left), "")
                    os.chown(self.built(left), 0, 0)
                    status, output, said = self.run_as(user)
                    self.assertEqual((status, output), (1, ""))
                    self.assertIn(f"{self.built(left).rstrip('/')} belongs to root, so {OWNER} cannot build in this checkout. "
                                  f"Give it back: sudo chown -R {OWNER} {self.root}/build", said)

    def test_the_remedy_helps(self):
        self.run_as(OWNER)
        self.give(self.built(""), 0)
        self.edit("two")
        self.assertEqual(self.run_as(OWNER)[0], 1)
        self.give(self.built(""), OWNER)
        self.assertEqual(self.run_as(OWNER)[:2], (0, "two\n"))

    def test_a_reader_runs_what_the_owner_built_while_it_is_what_the_sources_say(self):
        self.run_as(OWNER)
        self.assertEqual(self.run_as(READER), (0, "one\n", ""))
        self.assertEqual(os.listdir(self.home), [])

    def test_a_reader_builds_a_folder_of_his_own_otherwise(self):
        self.assertEqual(self.run_as(READER)[:2], (0, "one\n"))
        self.run_as(OWNER)
        self.edit("two")
        status, output, said = self.run_as(READER)
        self.assertEqual((status, output), (0, "two\n"))
        self.assertIn(f"{self.root}/build is not {READER}'s to write to: the build is in {self.home}/.cache/posemesh/", said)
        self.assertEqual(self.owners(), {str(OWNER)})

    def test_a_build_that_failed_half_way_is_not_up_to_date(self):
        self.run_as(OWNER)
        self.edit("broken")
        self.run_as(OWNER)
        self.edit("one")
        self.assertIn("the build is in", self.run_as(READER)[2])

    def test_a_reader_without_a_folder_is_told_why_nothing_runs(self):
        self.give(self.home, OWNER)
        status, output, said = self.run_as(READER)
        self.assertEqual((status, output), (1, ""))
        self.assertIn(f"{self.root} is not {READER}'s to write to\nnor can a build be put into {self.home}/.cache/posemesh/", said)

    def test_a_script_that_writes_into_the_checkout_does_so_as_its_owner_or_says_why_not(self):
        need = 'source "$0/deploy/lib/build.sh" && posemesh_need_build_folder "$0" fuzz/logs'
        self.assertEqual(self.run_as(READER, need), (1, "", f"{self.root} is not {READER}'s to write to\n"
                                                            "what builds and tests needs a checkout of one's own\n"))
        self.assertEqual(self.run_as(0, need), (0, "", ""))
        self.assertEqual(self.owners(), {str(OWNER)})

    def test_a_script_that_root_starts_begins_anew_as_the_owner(self):
        script = os.path.join(self.root, "script")
        write(script, '#!/bin/bash\nsource "${0%/*}/deploy/lib/build.sh"\nposemesh_become_owner "${0%/*}" "$0" "$@"\nid -u; echo "$@"; exit 7\n',
              0o755)
        self.assertEqual(self.run_as(0, 'exec "$0/script" a "b c"'), (7, f"{OWNER}\na b c\n", ""))

    def test_what_root_had_to_make_is_the_owners_in_the_end(self):
        self.run_as(0, 'source "$0/deploy/lib/build.sh" && mkdir -p "$0/build/tests" && posemesh_give_back "$0" "$0/build"')
        self.assertEqual(self.owners(), {str(OWNER)})


if __name__ == "__main__":
    unittest.main()
